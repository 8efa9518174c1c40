"""`--max-solutions`: no more solutions than asked for, drawn by the seed and the problem's content.

Drawn just before they are run. Solutions that can run go before those that cannot, so that nothing is drawn in vain; what is
drawn keeps the source's order. A problem of which no solution was drawn that passes is rejected as any other is: what the
draw left out was not asked.
"""

import hashlib
from dataclasses import replace

from appsplus.problem import Change, Problem


def capped(problem: Problem, most: int, seed: int) -> Problem:
    """The problem with at most `most` of its solutions (0: all of them), and a change on record where some were left out."""
    count = len(problem.solutions)
    if not most or count <= most:
        return problem

    def rank(i: int) -> tuple[bool, bytes]:
        solution = problem.solutions[i]
        digest = hashlib.sha256(f"{seed}:{problem.source_hash}:".encode())
        digest.update(solution.code.encode("utf-8", "surrogatepass"))
        return solution.verdict is not None, digest.digest()

    drawn = sorted(sorted(range(count), key=rank)[:most])
    change = Change(
        "solutions_capped", f"{most} of {count} solutions were drawn; the others were left out, and not run"
    )
    return replace(problem, solutions=tuple(problem.solutions[i] for i in drawn), changes=(*problem.changes, change))
