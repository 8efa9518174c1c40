"""JSRL: another policy, the guide, makes the first steps (arXiv:2204.02372, "Jump-Start Reinforcement Learning").

The guide writes a program for each problem; that is cut before a line, and the policy goes on from there. Of a program
with lines 1 ... M + 1, level l of L shows the first ceil(M * (L - l) / (L - 1)) of them: L levels, L = `levels_per_problem`
or 8, the last the plain task.

| schedule | how many of the guide's steps a problem is given |
|---|---|
| `adaptive` | JSRL-Curriculum: from the most to none, one level at a time, as the pass rate allows: `cccs.py` |
| `fixed` | the same after every `updates_per_level` updates of the problem (ours) |
| `random` | JSRL-Random: level ~ uniform {1, ..., last}, anew for each draw |

From the paper: the two schedules, a guide that is never trained, and that the horizon shrinks as the combined policy does
well enough. Ours, with reasons:

- The paper has one horizon for a task; problems differ in length and difficulty, so each has its own.
- The paper compares a moving average of returns with the best so far; we compare one of pass rates with `threshold`.
- The guide rolls in once, before training, and the programs are kept with the run (`guide.py`): a guide need not fit beside
  the policy, and a resumed run starts from the same states.
- Only a program of the guide that passes is cut. From a wrong prefix no completion may pass at all, and a problem would
  stay at level 1 for ever. A problem that the guide never solved has the plain task alone.
"""

from stepcoder.curriculum.cccs import Cccs


class Jsrl(Cccs):
    """The levels are those of the guide's programs."""

    def _given(self, problem_id: str) -> int:
        if self._config.schedule == "random":
            return self._rng.randint(1, self._levels[problem_id])
        return super()._given(problem_id)

    def _learned(self, problem_id: str, level: int, pass_rate: float) -> None:
        if self._config.schedule != "random":
            super()._learned(problem_id, level, pass_rate)
