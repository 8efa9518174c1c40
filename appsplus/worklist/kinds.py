"""The kinds of doubt, and what each asks a reviewer; in the order in which the guide tells of them."""

KINDS = {
    "output_mismatch": "solutions disagree with an expected output: which of them is right?",
    "ambiguous_output": "several answers may be right: does the problem need a checker?",
    "weak_tests": "wrong programs pass: which unit test is missing?",
    "flaky": "a program answers differently in a second run: what does it depend on?",
    "nondeterministic": "the solution that passes does not pass every time: is it the solution or the problem?",
    "near_time_limit": "a verdict hangs on a little time: is there a faster solution?",
    "undeclared_dependency": "programs import what Python does not have: may they?",
    "image_only_description": "a picture says what is to be done: can it be said in words?",
    "input_outside_constraints": "a unit test breaks a bound that the description states: which of the two is wrong?",
    "starter_code_mismatch": "starter code, entry point and solutions name different functions: which one is meant?",
    "suspicious_solution": "the solution holds expected outputs as constants: does it solve the problem?",
    "audit_sample": "drawn at random from what was accepted: is anything wrong with it?",
}
