"""`python -m appsplus.integrations openrlhf|lm-eval` prints the path that the framework wants to be given."""

import sys
from pathlib import Path

PATHS = {"openrlhf": "openrlhf.py", "lm-eval": "lm_eval"}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PATHS:
        sys.exit(f"usage: python -m appsplus.integrations {'|'.join(PATHS)}")
    print(Path(__file__).resolve().parent / PATHS[sys.argv[1]])
