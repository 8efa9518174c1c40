"""How sure policies are of the true meaning of each word: python benchmarks/learning/beliefs.py OUT.

OUT is a folder of `stepcoder ablate` whose runs still have their `final/`. For every seed and arm that is done, each word of
the long problems with the probability that its operation has in the canonical solution, mean over the held-out problems; the
smallest first. After the warm-up it is about `--truth-share`; a word that it is near 0 for has been given up.
"""

import re
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from appsplus.problem import Problem
from stepcoder.ablation.family import SHORT
from stepcoder.ablation.plan import AblationConfig
from stepcoder.ablation.runs import FAMILY, jobs
from stepcoder.ablation.table import k_of
from stepcoder.data import load_split, sft_example
from stepcoder.saved_config import read_config

_BRANCH = re.compile(r"# (\w+)\n +b (\S+) \d")


@torch.no_grad()
def beliefs(model: Any, tokenizer: Any, problems: list[Problem]) -> dict[str, float]:
    """Mean probability of the operation of each word, given what stands before it; the smallest first."""
    found: dict[str, list[float]] = defaultdict(list)
    for problem in problems:
        ids = sft_example(problem, tokenizer).ids
        texts = [tokenizer.decode([token]) for token in ids]
        ends = list(accumulate(map(len, texts)))
        log_probs = model(torch.tensor([ids])).logits[0].log_softmax(-1)
        for branch in _BRANCH.finditer("".join(texts)):
            first, last = branch.span(2)
            tokens = [i for i, end in enumerate(ends) if end > first and end - len(texts[i]) < last]
            found[branch[1]].append(float(sum(log_probs[i - 1, ids[i]] for i in tokens).exp()))
    means = {word: statistics.mean(values) for word, values in found.items()}
    return dict(sorted(means.items(), key=lambda item: (item[1], item[0])))


def lines(out: Path) -> Iterator[str]:
    """A line for every run that is done."""
    config, _ = read_config(AblationConfig, out)
    problems = [p for p in load_split(str(out / FAMILY), "test") if k_of(p.problem_id) > SHORT]
    for job in sorted((job for group in jobs(out, config) for job in group if job.done), key=lambda job: job.seed):
        final = job.folder / "final"
        model = AutoModelForCausalLM.from_pretrained(final).eval()
        found = beliefs(model, AutoTokenizer.from_pretrained(final), problems)
        yield f"seed {job.seed}  {job.method:10} " + ", ".join(f"{word} {share:.2f}" for word, share in found.items())


if __name__ == "__main__":
    for line in lines(Path(sys.argv[1])):
        print(line, flush=True)
