"""`stepcoder ablate`: what the curriculum and the mask do for PPO, on generated problems and a model from scratch.

`family` generates the problems, `plan` has the options, `runs` trains and judges, `table` and `plots` say what came out.
"""
