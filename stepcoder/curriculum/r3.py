"""R3: start states of all levels together (arXiv:2402.05808, "Reverse Curriculum Reinforcement Learning").

    level ~ uniform {1, ..., last},  anew for each draw

The paper slides the start state from the end of a demonstration to its beginning, and then mixes the stages, so that easy
start states are not forgotten when hard ones come; the mixed form is what it calls R3, and what this is. Its start states
are points of a demonstration in natural language or code; ours are the levels of a problem (`levels.py`). Its bonus for
partial answers and its KL coefficient are no part of the curriculum, and not here.

| option | origin |
|---|---|
| levels drawn uniformly | the paper's |
| `--cuts split_points`, the conditional statements of CCCS; `--levels-per-problem` | ours; the paper cuts at its own points |
| `--plain-share` of draws give the plain task, whatever the level | ours: its last stage is the plain task, too |
"""

from stepcoder.curriculum.base import Curriculum


class R3(Curriculum):
    """Levels are drawn uniformly, whatever the outcome."""

    def _given(self, problem_id: str) -> int:
        return self._rng.randint(1, self._levels[problem_id])
