"""What a run was made by: version, commit, libraries and machine. An experiment may have runs of several, as it goes on."""

import json
import platform
import re
import subprocess
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from appsplus.jsonl import write_atomically
from appsplus.judge import available_cpus

FILE_NAME = "made_by.json"


def save_provenance(folder: Path) -> None:
    """Write what makes a run into its folder."""
    made_by = {
        "version": metadata.version("appsplus"),
        "commit": _commit(Path(__file__).resolve().parents[2]),
        "cpus": available_cpus(),
        "cpu": _cpu(),
        "python": platform.python_version(),
        "torch": metadata.version("torch"),
        "transformers": metadata.version("transformers"),
    }
    write_atomically(folder / FILE_NAME, (json.dumps(made_by, indent=1) + "\n").encode())


def provenance(folders: Iterable[tuple[int, Path]]) -> list[dict[str, Any]]:
    """What the runs of some seeds were made by, each once, and the seeds that it has runs of."""
    found: dict[str, set[int]] = {}
    for seed, folder in folders:
        if (folder / FILE_NAME).is_file():
            found.setdefault((folder / FILE_NAME).read_text(encoding="utf-8"), set()).add(seed)
    return [json.loads(text) | {"seeds": sorted(seeds)} for text, seeds in found.items()]


def _cpu() -> str:
    """Its model, and the instructions that torch takes: on another CPU the same seed rounds otherwise, and is another run."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return f"{found[1] if found else platform.machine()} with {torch.backends.cpu.get_cpu_capability()}"


def _commit(root: Path) -> str | None:
    """The commit of a checkout, `-modified` where it was changed; None where the package is not run from one."""
    if not (root / ".git").exists():
        return None
    try:
        head, changed = (
            subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True).stdout.strip()
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "stepcoder", "appsplus"])
        )
    except OSError:
        return None
    return f"{head}-modified" if changed else head or None
