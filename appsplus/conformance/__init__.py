"""The conformance suite: programs, and the verdict that any judge must give each. Usable alone, without the tests.

    from appsplus.conformance import CASES, judge_case
    with Judge() as judge:
        outcomes = {case.name: judge_case(judge, case) for case in CASES}

`CASES` is the table (`conformance.cases`): honest programs that some judges refuse, wrong ones that some accept, hostile
ones made against the judge. `run_suite` puts all of them to our judge and to any `Peer` (the judge of another project, see
`conformance.peers`) and returns `Results`; `write_results` and `read_results` keep them in a JSON file; `conformance.page`
makes docs/judge.md of it. `Leftovers` finds what hostile programs left behind. The command is
`appsplus judge-conformance`.
"""

from appsplus.conformance.aftermath import Leftovers
from appsplus.conformance.case import Case, Group
from appsplus.conformance.cases import CASES
from appsplus.conformance.results import Outcome, Results, Row, read_results, write_results
from appsplus.conformance.run import Peer, PeerAnswer, ask_peer, judge_case, run_suite

__all__ = [
    "CASES",
    "Case",
    "Group",
    "Leftovers",
    "Outcome",
    "Peer",
    "PeerAnswer",
    "Results",
    "Row",
    "ask_peer",
    "judge_case",
    "read_results",
    "run_suite",
    "write_results",
]
