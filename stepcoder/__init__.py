"""StepCoder: the reference PPO trainer that consumes a dataset built by `appsplus`.

`cli` names the commands, `run` is a whole run, `ppo` the loop. Importing this package loads neither torch nor transformers.
"""
