"""`stepcoder ablate`: what the parts of a method do, on generated problems or on a dataset (`given`).

`family` generates the problems, `plan` has the options, `runs` trains and judges, `table` and `plots` say what came out.
"""
