"""Datasets built here under other trainers and harnesses: one thin module each, and one reward everywhere.

    trl         reward for `trl grpo`; fine-grained optimisation through `rollout_func`
    verl        compute_score for `custom_reward_function`
    openrlhf    reward_func for `--reward.remote_url`
    verifiers   a taskset for verifiers and prime-rl
    lm_eval     a task folder for lm-evaluation-harness
    inspect_ai  a task and a scorer for inspect_ai
    export      a dataset as the files that trainers read
    scoring     what they share: from a row and a completion to a reward

docs/integrations.md has the command for each. The frameworks are optional: each has an extra of its own.
"""
