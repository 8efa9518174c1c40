"""What of a policy predicts, and what it starts from: the values of PPO, none without a critic.

A critic starts as `stepcoder.policy.Policy` makes it: a value of 0 everywhere, on the policy's trunk or on a copy of it; or
with `--value-init prm` as a reward model (`stepcoder/prm/model.py`).
"""

from pathlib import Path
from typing import Any

from stepcoder.methods.names import Parts
from stepcoder.policy import Policy
from stepcoder.prm.model import check_same_tokenizer, load_reward_model, start_critic


def with_critics(policy: Policy, parts: Parts, tokenizer: Any, value_init: str) -> Policy:
    """The policy with what its method predicts; values that no method asks for are frozen.

    `value_init`: the folder of the reward model that the critic starts from; empty: it starts at 0. Raises InputError.
    """
    if value_init:
        prm, its_tokenizer = load_reward_model(Path(value_init))
        check_same_tokenizer(its_tokenizer, tokenizer, value_init)
        start_critic(policy, prm, value_init)
    if not parts.critic:
        policy.value_head.requires_grad_(False)
    return policy
