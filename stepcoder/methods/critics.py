"""What of a policy predicts, and what it starts from.

| method | predicts | starts from |
|---|---|---|
| `ppo` | the value of a state (`stepcoder/policy.py`) | 0 everywhere, on the policy's trunk or on a copy of it |
| `ppo --value-init prm` | the same | a reward model (`stepcoder/prm/model.py`) |
| `coderl` | the outcome of a program (`stepcoder/methods/outcome_critic.py`) | a copy of the policy's trunk |
| all others | nothing: the value head is frozen | |

Where `--model` names the folder of a run that left the same critic, it goes on from that one.
"""

from pathlib import Path
from typing import Any

from stepcoder.config import TrainConfig
from stepcoder.methods.outcome_critic import OutcomeCritic
from stepcoder.policy import Policy, load_values
from stepcoder.prm.model import check_same_tokenizer, load_reward_model, start_critic


def with_critics(policy: Policy, config: TrainConfig, tokenizer: Any) -> Policy:
    """The policy with what its method predicts; values that no method asks for are frozen. Raises InputError."""
    if config.value_init:
        prm, its_tokenizer = load_reward_model(Path(config.prm))
        check_same_tokenizer(its_tokenizer, tokenizer, config.prm)
        start_critic(policy, prm, config.prm, reward=config.reward)
    if not config.parts.critic:
        policy.value_head.requires_grad_(False)
    if config.parts.outcomes:
        policy.outcomes = OutcomeCritic.like(policy.lm)
        if config.model:
            load_values(policy, Path(config.model))
    return policy
