"""What the options of `stepcoder train` about a reward model may say together; checked before anything is loaded."""

from typing import Any

from stepcoder.errors import ConfigError

USES = ("", "prm")


def refuse_choices(options: Any) -> None:
    """Refuse what makes no sense, with the reason (ConfigError). `options`: a TrainConfig."""
    for name in ("dense_reward", "value_init"):
        if getattr(options, name) not in USES:
            raise ConfigError(f"--{name.replace('_', '-')} {getattr(options, name)} is not known; expected prm")
    used = bool(options.dense_reward or options.value_init)
    if used and not options.prm:
        raise ConfigError(
            "--dense-reward prm and --value-init prm need a reward model; make one by `stepcoder prm label` and `stepcoder"
            " prm train`, and name its folder with --prm"
        )
    if options.prm and not used:
        raise ConfigError(f"--prm {options.prm} is used by nothing; give --dense-reward prm, --value-init prm, or both")
    if options.value_init and not options.parts.critic:
        raise ConfigError(f"--value-init prm: {options.method} has no critic that could start from it; use ppo")
    if options.value_init and options.critic != "separate":
        raise ConfigError("--value-init prm needs a critic with weights of its own; give --critic separate")
    weights = (options.prm_weight_passed, options.prm_weight_failed)
    if min(weights) < 0 or (options.dense_reward and not any(weights)):
        raise ConfigError(
            "--prm-weight-passed and --prm-weight-failed must be at least 0, and one of them above, or the dense reward is"
            f" none; got {weights[0]:g} and {weights[1]:g}"
        )
    if not options.dense_reward and options.prm_drop_gap:
        raise ConfigError("--prm-drop-gap drops the dense reward, and there is none; give --dense-reward prm")
    if options.prm_drop_gap < 0 or options.prm_gap_updates < 1:
        raise ConfigError(
            f"--prm-drop-gap must be at least 0 and --prm-gap-updates at least 1; got {options.prm_drop_gap} and"
            f" {options.prm_gap_updates}"
        )
    if options.prm_drop_gap and options.updates < 2 * options.prm_gap_updates:
        raise ConfigError(
            f"--prm-drop-gap compares the first {options.prm_gap_updates} updates (--prm-gap-updates) with the last, and with"
            f" --updates {options.updates} it would never drop; lower --prm-gap-updates"
        )
