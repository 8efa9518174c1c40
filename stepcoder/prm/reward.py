"""The dense reward of a reward model, and what watches over it (arXiv:2410.17621, section 4.1).

    r_t += w * R(prefix up to t) / T      where token t ends a line; T the lines of the completion

T normalises the length: without it a policy earns by writing more lines. R is within [-1, 1], near 0 at comments and blank
lines, for it was trained so, and w is `--prm-weight-passed` or `--prm-weight-failed`, by the verdict. All that is added to
the verdict's reward. Lines and their tokens are those of `stepcoder/prm/lines.py`.

The guard. What the reward model believes of an update's programs, b = mean of (R(whole program) + 1) / 2, is compared with
the share p that passes. A reward model is off by something from the start, so the rule is on the change:

    gap of an update = b - p
    dropped where    mean gap of the last W updates - mean gap of the first W updates > --prm-drop-gap

So is the reward that is paid, for a policy may earn more without a better end: by lines that are believed in and do nothing.
With b' = mean of (sum of R/T over a program's lines + 1) / 2 in place of b, the same rule holds.

W is `--prm-gap-updates`; nothing is dropped before 2 W updates, nor if `--prm-drop-gap` is 0; what is dropped stays so. The
rule is ours.

| option | origin |
|---|---|
| R / T at line ends, added to the unit-test reward | the paper's |
| `--prm-weight-passed`, `--prm-weight-failed`: 1 and 1 | ours: the paper's weight is not known to us |
| R cut to [-1, 1]; T counts comments and blank lines | ours |
| `--prm-drop-gap`, `--prm-gap-updates` | ours |
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appsplus.problem import Verdict
from stepcoder.prm.lines import Lines, lines_of
from stepcoder.rollouts import Judged

Scores = Callable[
    [Sequence[Sequence[int]], Sequence[Sequence[int]], Sequence[Sequence[int]]], list[list[float]]
]  # prompts, responses, ends -> R at each end


@dataclass(frozen=True, slots=True)
class Believed:
    """What a reward model said of one completion."""

    passed: bool
    reward: float  # sum of R / T over its line ends, without weight
    belief: float  # (R(whole program) + 1) / 2; 0 without a program


def dense_rewards(lines: Lines, scores: Sequence[float], tokens: int, weight: float) -> list[float]:
    """The formula above: a number for each token of a completion."""
    rewards = [0.0] * tokens
    for end, score in zip(lines.ends, scores, strict=True):
        rewards[end.token] += weight * score / lines.count
    return rewards


def believed(lines: Lines, scores: Sequence[float], *, passed: bool) -> Believed:
    """What the scores of a completion's line ends say of it; its last line of code stands for the whole program."""
    of_code = [score for end, score in zip(lines.ends, scores, strict=True) if end.is_code]
    return Believed(
        passed, sum(scores) / lines.count if lines.count else 0.0, (of_code[-1] + 1) / 2 if of_code else 0.0
    )


class PrmReward:
    """Reward shaping by a reward model, with its guard; see `stepcoder.methods.parts.RewardShaping`."""

    def __init__(
        self, scores: Scores, *, weight_passed: float, weight_failed: float, drop_gap: float, gap_updates: int
    ) -> None:
        self._scores, self._weights = scores, {True: weight_passed, False: weight_failed}
        self._drop_gap, self._window = drop_gap, gap_updates
        self._gaps: dict[str, list[float]] = {"belief": [], "paid": []}
        self._last: list[Believed] = []
        self.dropped = False

    def rewards(self, judged: Sequence[Judged], offsets: Sequence[Sequence[tuple[int, int]]]) -> list[list[float]]:
        """The dense rewards of some completions; zeros once they are dropped."""
        completions = [j.completion for j in judged]
        lines = [lines_of(c.text, c.program, spans) for c, spans in zip(completions, offsets, strict=True)]
        ends = [[end.token for end in of.ends] for of in lines]
        scores = self._scores([c.task.ids for c in completions], [c.ids for c in completions], ends)
        passed = [j.outcome == Verdict.ACCEPTED for j in judged]
        rows = zip(lines, scores, passed, strict=True)
        self._last = [believed(of, found, passed=whole) for of, found, whole in rows]
        return [
            dense_rewards(of, found, len(c.ids), 0.0 if self.dropped else self._weights[whole])
            for c, of, found, whole in zip(completions, lines, scores, passed, strict=True)
        ]

    def numbers(self, gathered: Callable[[list[Any]], list[Any]]) -> dict[str, float]:
        """What it said of the update's completions, and whether it is believed further. Every process calls it."""
        found: list[Believed] = gathered(self._last)
        passed, failed = ([one.reward for one in found if one.passed is whole] for whole in (True, False))
        belief = _mean([one.belief for one in found])
        reward = _mean([one.reward for one in found])
        pass_rate = _mean([float(one.passed) for one in found])
        gaps = {"belief": belief - pass_rate, "paid": (reward + 1) / 2 - pass_rate}
        for name, gap in gaps.items():
            self._gaps[name].append(gap)
        numbers = {
            "prm_reward": reward,
            "prm_belief": belief,
            "prm_gap": gaps["belief"],
            "prm_paid": (reward + 1) / 2,
            "prm_used": float(not self.dropped),
        }
        self.dropped = self.dropped or any(parted(of, self._window, self._drop_gap) for of in self._gaps.values())
        numbers |= {"prm_reward_passed": _mean(passed)} if passed else {}
        return numbers | ({"prm_reward_failed": _mean(failed)} if failed else {})

    def state_dict(self) -> dict[str, Any]:
        """The gaps so far: plain JSON."""
        return {"gaps": self._gaps, "dropped": self.dropped}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._gaps = {name: list(state["gaps"][name]) for name in self._gaps}
        self.dropped = bool(state["dropped"])


def parted(gaps: Sequence[float], window: int, most: float) -> bool:
    """Whether belief and pass rate have parted, by the rule above."""
    if not most or len(gaps) < 2 * window:
        return False
    return _mean(gaps[-window:]) - _mean(gaps[:window]) > most


def line_numbers(lines: Sequence[tuple[int, int]]) -> dict[str, float]:
    """What to log of an update's completions, reward model or not; `lines`: of each, its lines and its comments."""
    count = sum(of for of, _ in lines)
    return {
        "completion_lines": count / max(1, len(lines)),
        "comment_share": sum(comments for _, comments in lines) / max(1, count),
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
