"""Which words of the long problems a policy never learned: python benchmarks/learning/words.py OUT.

OUT is a folder of `stepcoder ablate`. For every seed and arm, each word of the code of the long problems with the share of
held-out completions that pass, of problems with a live branch of that word: the worst three, then the median of all.
"""

import re
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from json import loads
from pathlib import Path

from stepcoder.ablation.family import write
from stepcoder.ablation.plan import AblationConfig
from stepcoder.ablation.runs import DONE, jobs
from stepcoder.config import read_config

_BRANCH = re.compile(r"^(\d) (\w+) \d+$", re.MULTILINE)
_LONG = 5  # branches, from which on problems have the second code


def live_words(family: Path) -> dict[str, frozenset[str]]:
    """The words of the branches that unit tests reach, by the id of a long held-out problem."""
    found = {}
    for line in family.read_text(encoding="utf-8").splitlines():
        row = loads(line)
        if row["split"] == "test" and int(row["problem_id"][1:].split("-")[0]) >= _LONG:
            reached = {str(first) for first, *_ in row["input_output"]["inputs"]}
            words = frozenset(word for place, word in _BRANCH.findall(row["question"]) if place in reached)
            found[f"family/test/{row['problem_id']}"] = words
    return found


def by_word(outcomes: dict[str, dict[str, int]], words: dict[str, frozenset[str]]) -> dict[str, float]:
    """Share of completions that pass, of problems with each word; the smallest first."""
    passed, asked = Counter[str](), Counter[str]()
    for problem_id in words.keys() & outcomes.keys():
        for word in words[problem_id]:
            passed[word] += outcomes[problem_id].get("accepted", 0)
            asked[word] += sum(outcomes[problem_id].values())
    shares = {word: passed[word] / asked[word] for word in asked}
    return dict(sorted(shares.items(), key=lambda item: (item[1], item[0])))


def lines(out: Path) -> Iterator[str]:
    """A line for every run that is done."""
    config, _ = read_config(AblationConfig, out)
    words = live_words(write(out / "data", config.family)["family"])
    for job in sorted((job for group in jobs(out, config) for job in group if job.done), key=lambda job: job.seed):
        shares = by_word(loads((job.folder / DONE).read_text(encoding="utf-8")), words)
        worst = ", ".join(f"{word} {share:.0%}" for word, share in list(shares.items())[:3])
        yield f"seed {job.seed}  {job.method:10} {worst}; median {statistics.median(shares.values()):.0%}"


if __name__ == "__main__":
    print("\n".join(lines(Path(sys.argv[1]))))
