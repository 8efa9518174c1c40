"""The reason codes, all of them: why the build hands a problem to people, and why people decide as they do.

`verification/GUIDE.md` has each of them with one real example. A team may use codes of its own; these are the ones that the
worklist, the review app and the guide speak.
"""

DOUBTS = {
    "output_mismatch": "solutions that the source calls right disagree with an expected output",
    "ambiguous_output": "several answers are right, and no checker can tell them",
    "weak_tests": "the unit tests accept wrong programs, or leave lines of the solution unreached",
    "flaky": "the verdict on a solution is not the same in every run",
    "near_time_limit": "a solution needs almost, or a little more than, the time it may take",
    "undeclared_dependency": "a solution needs a library that the description does not name",
    "image_only_description": "what one must know stands in pictures that are not there",
    "input_outside_constraints": "unit tests break the constraints of the description",
    "starter_code_mismatch": "the starter code, the entry point and the solutions do not fit together",
    "nondeterministic": "the output depends on chance, time, the machine or the order of a set",
    "suspicious_solution": "the solution knows the expected outputs, or does something else than solve the task",
    "audit_sample": "drawn at random from what was accepted, to estimate the error rate of the build",
}
"""Why a problem is in the worklist."""

RULED = {
    "wrong_tests": "expected outputs or inputs are wrong; corrected, or past repair",
    "wrong_solution": "a solution that the source calls right is wrong",
    "description_contradicts_tests": "description and unit tests ask for different things",
    "ambiguous_description": "the description can be read in several ways",
    "incomplete_description": "the description lacks what one must know",
    "interactive_or_file_io": "it is a conversation, or needs files",
    "duplicate": "it is another problem of the dataset over again",
    "licence": "it may not be used or passed on",
    "other": "the comment says why",
}
"""What reviewers find beyond the doubts; a decision may give any code of either table."""

REASONS = DOUBTS | RULED
