"""How far a response can still be completed: binary search over the ends of its lines, for many responses at once.

Of a response with n line ends, P(i) is whether the policy completes its first i lines to a program that passes, in any of K
attempts (arXiv:2410.17621: any pass means +1). A prefix of a prefix that can be completed can be completed, so P falls
once, from true to false, if K is large enough to tell; with fewer attempts the search still ends at a place where P was seen
to fall. P(0), the bare prompt, is true by definition, and P(n + 1) false: ceil(log2(n + 1)) rounds.

| option | origin |
|---|---|
| binary search over lines; any pass of K means +1 | the paper's |
| `--k 8` | ours: the paper's K is not known to us |
| `--checkpoints 4`, evenly spaced | the paper's |
| responses of one round in one batch, completions kept | ours |
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Question = tuple[int, int]  # place of the response, number of its line ends that are given


@dataclass(slots=True)
class Found:
    """What the search knows of one response."""

    low: int  # so many line ends can be completed
    high: int  # so many cannot
    passes: dict[int, int] = field(default_factory=dict)  # line ends given -> attempts that passed

    @property
    def done(self) -> bool:
        """Whether the transition is known: `low`."""
        return self.high - self.low <= 1


def transitions(
    ends: Sequence[int], passed: Sequence[bool], ask: Callable[[Sequence[Question]], Sequence[int]]
) -> list[Found]:
    """The transition of each response, in a round of questions after the other.

    `ends`: its line ends. `passed`: it passes as it is, so that there is nothing to search. `ask` says for each question how
    many attempts passed. A response that cannot be completed from its first line has the transition 0.
    """
    found = [Found(n, n + 1) if whole else Found(0, n + 1) for n, whole in zip(ends, passed, strict=True)]
    while open_ones := [i for i, one in enumerate(found) if not one.done]:
        questions = [(i, (found[i].low + found[i].high) // 2) for i in open_ones]
        for (i, given), passes in zip(questions, ask(questions), strict=True):
            found[i].passes[given] = passes
            if passes:
                found[i].low = given
            else:
                found[i].high = given
    return found


def rounds_for(ends: int) -> int:
    """How many questions the search asks at most of a response with so many line ends."""
    return ends.bit_length()


def labels(transition: int, is_code: Sequence[bool]) -> list[int]:
    """The label of each line end: neutral 0 where it is no code, else +1 up to the transition, counted in code, then -1."""
    given, out = 0, []
    for code in is_code:
        given += code
        out.append(0 if not code else 1 if given <= transition else -1)
    return out
