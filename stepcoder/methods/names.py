"""What `--method` may say: the names of parts, joined by `+`; the first says where advantages come from.

| part | axis | what |
|---|---|---|
| `ppo` | advantages | generalised advantage estimation, from a critic |
| `grpo`, `rloo` | advantages | from the other completions of the same prompt; no critic |
| `rltf` | advantages | coarse, fine-grained and adaptive feedback against the best so far; no critic |
| `coderl` | advantages | a critic that predicts the outcome weights each token, against the greedy completion |
| `cccs`, `r3`, `adaback`, `jsrl`, `bread` | start state | a curriculum: `stepcoder/curriculum/` |
| `fgo` | token mask | only tokens of executed lines stay in the policy loss |
| `match` | reward shaping | syntax and data flow like the canonical solution's: PPOCoder's |
| `lines` | reward shaping | a penalty on the line of the error: RLTF's, for `ppo` |

`stepcoder` is `ppo+cccs+fgo`, `ppocoder` is `ppo+match`. A name may begin with a bundle: `stepcoder+...` adds parts to it.
Parts after the first come in any order, each once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from stepcoder.errors import ConfigError

ADVANTAGES = ("ppo", "grpo", "rloo", "rltf", "coderl")
START_STATES = ("cccs", "r3", "adaback", "jsrl", "bread")
MASKS = ("fgo",)
SHAPINGS = ("match", "lines")
BUNDLES: Mapping[str, tuple[str, ...]] = {"stepcoder": ("ppo", "cccs", "fgo"), "ppocoder": ("ppo", "match")}
SOURCES: Mapping[str, str] = {
    "ppo": "PPO (arXiv:1707.06347)",
    "grpo": "GRPO (arXiv:2402.03300)",
    "rloo": "RLOO (arXiv:2402.14740)",
    "rltf": "RLTF (arXiv:2307.04349)",
    "coderl": "CodeRL (arXiv:2207.01780)",
    "cccs": "StepCoder (arXiv:2402.01391)",
    "r3": "R3 (arXiv:2402.05808)",
    "adaback": "AdaBack (arXiv:2506.18110)",
    "jsrl": "JSRL (arXiv:2204.02372)",
    "bread": "BREAD (arXiv:2506.17211)",
    "fgo": "StepCoder (arXiv:2402.01391)",
    "match": "PPOCoder (arXiv:2301.13816)",
    "lines": "RLTF (arXiv:2307.04349)",
    "prm": "PRM (arXiv:2410.17621)",
}
"""Where each part comes from: name and paper."""
BASES = (*ADVANTAGES, *BUNDLES)
ADDED = (*START_STATES, *MASKS, *SHAPINGS)


@dataclass(frozen=True, slots=True)
class Parts:
    """A method, taken apart."""

    advantages: str  # one of ADVANTAGES
    start: str = ""  # one of START_STATES; empty: every prompt is the plain task
    fgo: bool = False
    shapings: tuple[str, ...] = ()  # some of SHAPINGS, in their order

    @classmethod
    def of(cls, method: str) -> Self:
        """The parts that a name stands for. Raises ConfigError for a name that stands for none."""
        base, *added = method.split("+")
        known = f"{', '.join(BASES)}, and after that +{', +'.join(ADDED)}"
        if base not in BASES:
            raise ConfigError(f"--method {method} is not known; expected {known}")
        first, *rest = BUNDLES.get(base, (base,))
        for name in added:
            if name not in ADDED:
                raise ConfigError(f"--method {method}: the part {name!r} is not known; expected {known}")
            if name in rest:
                raise ConfigError(f"--method {method} has {name} twice; name every part once")
            rest.append(name)
        starts = [name for name in rest if name in START_STATES]
        if len(starts) > 1:
            raise ConfigError(f"--method {method} begins in two ways, {' and '.join(starts)}; keep one of them")
        return cls(first, "".join(starts), "fgo" in rest, tuple(name for name in SHAPINGS if name in rest))

    @property
    def without_start(self) -> str:
        """The name of this method with the plain task as every prompt."""
        return "+".join((self.advantages, *(["fgo"] if self.fgo else []), *self.shapings))

    @property
    def sources(self) -> tuple[str, ...]:
        """The papers that this method follows, each once."""
        parts = (self.advantages, self.start, *(["fgo"] if self.fgo else []), *self.shapings)
        return tuple(dict.fromkeys(SOURCES[part] for part in parts if part))

    @property
    def critic(self) -> bool:
        """Whether values are learned: what a state is worth."""
        return self.advantages == "ppo"

    @property
    def outcomes(self) -> bool:
        """Whether a critic learns to predict the outcome of a program."""
        return self.advantages == "coderl"

    @property
    def weighted(self) -> bool:
        """Whether advantages are weights on log-probabilities, made from the verdict, not sums of rewards of tokens."""
        return self.advantages in ("rltf", "coderl")

    @property
    def grouped(self) -> bool:
        """Whether a completion is compared with the others of its prompt."""
        return self.advantages in ("grpo", "rloo")


def refuse_conflicts(parts: Parts, options: Any) -> None:
    """Refuse a combination that makes no sense, with the reason (ConfigError). `options`: a TrainConfig."""
    method = options.method
    if not parts.critic:
        if options.critic == "separate":
            raise ConfigError(f"--critic separate: {method} has no critic of values; leave --critic away, or use ppo")
        if options.mask_values:
            raise ConfigError(
                f"--mask-values: {method} learns no values, so there is no value loss to mask; leave it away"
            )
        if options.critic_warmup_updates and not parts.outcomes:
            raise ConfigError(f"--critic-warmup-updates: {method} learns no values; leave it away, or use ppo")
    if parts.grouped and options.completions_per_problem < 2:
        raise ConfigError(
            f"{method} compares the completions of a prompt, and --completions-per-problem is"
            f" {options.completions_per_problem}; give at least 2"
        )
    if parts.weighted and options.kl_coef and options.kl_in == "reward":
        raise ConfigError(
            f"--kl-coef {options.kl_coef} --kl-in reward: the weights of {method} are no sums of rewards of tokens, so such a"
            " penalty would be lost; use --kl-in loss, or --kl-coef 0, as its paper has it"
        )
    if parts.advantages == "rltf" and "lines" in parts.shapings:
        raise ConfigError(f"--method {method}: rltf has the penalty on lines already; leave +lines away")
    if "lines" in parts.shapings and not parts.critic:
        raise ConfigError(
            f"--method {method}: {parts.advantages} adds up what the tokens of a completion earn, so the penalty would not"
            " stay on its line; leave +lines away, or use ppo"
        )
    if options.ratio == "sequence" and not parts.grouped:
        raise ConfigError(
            f"--ratio sequence takes a completion as one action, and {method} gives each of its tokens an advantage of its"
            " own, which would be lost; use --ratio token, or grpo or rloo"
        )
    if options.ratio == "sequence" and options.loss_mean == "constant":
        raise ConfigError(
            f"--loss-mean constant: the loss of {method} is a mean over whole completions, whatever their length; leave it"
            " away, or use --ratio token"
        )
    if options.kl_control == "adaptive" and not options.kl_coef:
        raise ConfigError(
            "--kl-control adaptive multiplies --kl-coef, and that is 0 and would stay so; give --kl-coef 0.05"
        )
    if parts.outcomes and options.outcome_weights and not options.outcome_coef:
        raise ConfigError(
            f"--outcome-coef 0: the critic of {method} would never learn, and what it says weighs each token; give it a"
            " weight, or --no-outcome-weights"
        )
    if parts.critic and options.critic == "separate" and not options.value_coef:
        raise ConfigError(
            "--critic separate: with --value-coef 0, which --preset tiny has, it would never learn; give --value-coef 0.5"
        )
    if parts.critic and options.critic_warmup_updates and not options.value_coef:
        raise ConfigError(
            f"--critic-warmup-updates {options.critic_warmup_updates}: with --value-coef 0, which --preset tiny has, the"
            " critic would learn nothing in them; give --value-coef 0.5"
        )
    if "lines" in parts.shapings and not options.fine_penalty:
        raise ConfigError(
            f"--fine-penalty 0: {method} would do nothing that it does not do without +lines; leave it away"
        )
    if "match" in parts.shapings and not (options.ast_weight or options.flow_weight):
        raise ConfigError(
            f"--ast-weight 0 --flow-weight 0: {method} would match nothing with canonical solutions; give one of them a"
            " weight, or leave the match away: ppocoder is ppo+match"
        )
    if not parts.weighted and options.baseline != "none":
        raise ConfigError(f"--baseline {options.baseline}: {method} has its own; --baseline is of rltf and coderl")
