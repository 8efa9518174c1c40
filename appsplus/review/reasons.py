"""Why a reviewer may reject a problem: the reason codes, and what each says."""

REJECT_REASONS = {
    "wrong_tests": "expected outputs are wrong and cannot be repaired with certainty",
    "weak_tests": "the unit tests accept wrong programs, and better ones cannot be made",
    "ambiguous_output": "several answers are right, and no checker can tell them",
    "ambiguous_description": "the description can be read in several ways",
    "description_contradicts_tests": "description and unit tests ask for different things",
    "incomplete_description": "the description lacks what one must know, such as a picture",
    "input_outside_constraints": "unit tests break the constraints of the description",
    "interactive_or_file_io": "it is a conversation, or needs files",
    "nondeterministic": "the right answer depends on chance, time or the machine",
    "wrong_solution": "no solution is right",
    "undeclared_dependency": "it needs a library that the description does not name",
    "duplicate": "it is another problem of the dataset over again",
    "licence": "it may not be used or passed on",
    "other": "the comment says why",
}
