"""StepCoder: the reference PPO trainer that consumes a dataset built by `appsplus`.

So far: the curriculum (CCCS) read from a dataset. Nothing here imports torch at the top level.
"""
