"""What of a policy predicts, and what it starts from: the values of PPO, none without a critic.

A critic starts as `stepcoder.policy.Policy` makes it: a value of 0 everywhere, on the policy's trunk or on a copy of it.
"""

from stepcoder.methods.names import Parts
from stepcoder.policy import Policy


def with_critics(policy: Policy, parts: Parts) -> Policy:
    """The policy with what its method predicts; values that no method asks for are frozen."""
    if not parts.critic:
        policy.value_head.requires_grad_(False)
    return policy
