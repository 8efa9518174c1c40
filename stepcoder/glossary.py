"""Every number that a run logs, once: its name in metrics.jsonl, its unit, and its formula.

`docs/metrics.md` is made from this table (docs/make_metrics_page.py), and the report takes titles and units from it. A test
holds a real run to it: what is logged is here, and what is here is logged.

Means over tokens are sums over the kept tokens of all completions of an update, divided by how many there are.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from appsplus.evaluation import EXTRACTION_FAILED
from appsplus.problem import Verdict


@dataclass(frozen=True, slots=True)
class Metric:
    """One number, logged once an update."""

    name: str
    title: str
    unit: str  # "share" is from 0 to 1; empty: a number without one
    formula: str
    sometimes: str = ""  # when it is logged, if not in every update


_OUTCOMES = {
    Verdict.ACCEPTED: "Accepted",
    Verdict.WRONG_ANSWER: "Wrong answer",
    Verdict.RUN_TIME_ERROR: "Run-time error",
    Verdict.COMPILE_ERROR: "Compile error",
    Verdict.TIME_LIMIT_EXCEEDED: "Time limit exceeded",
    Verdict.MEMORY_LIMIT_EXCEEDED: "Memory limit exceeded",
    Verdict.OUTPUT_LIMIT_EXCEEDED: "Output limit exceeded",
    EXTRACTION_FAILED: "No program found",
}

METRICS: tuple[Metric, ...] = (
    Metric("reward_mean", "Mean reward", "", "sum of the rewards of the completions / completions"),
    Metric("pass_rate", "Pass rate", "share", "completions accepted / completions, at the levels that were given"),
    Metric(
        "plain_pass_rate",
        "Pass rate, plain tasks",
        "share",
        "completions of plain tasks (the last level) accepted / completions of plain tasks",
        "in updates with a plain task",
    ),
    Metric(
        "mixed_share",
        "Tasks with mixed rewards",
        "share",
        "tasks (a problem at a level) whose completions earned different rewards / tasks of the update: those from which "
        "there is something to learn",
    ),
    Metric(
        "validation_pass_rate",
        "Pass rate, validation",
        "share",
        "completions of validation problems accepted / completions of them: the likeliest of each problem, or as many "
        "sampled ones as `validation_completions` says",
        "every `validate_every` updates",
    ),
    Metric(
        "validation_reward_mean",
        "Mean reward, validation",
        "",
        "sum of the rewards of those completions / those completions",
        "every `validate_every` updates",
    ),
    *(
        Metric(f"share_{outcome}", title, "share", f"completions with the outcome `{outcome}` / completions")
        for outcome, title in _OUTCOMES.items()
    ),
    Metric(
        "executed_share", "Executed tokens", "share", "tokens kept by FGO / tokens of the completions; 1 without FGO"
    ),
    Metric("response_tokens", "Completion length", "tokens", "tokens of the completions / completions"),
    Metric("completion_lines", "Lines a completion", "lines", "lines that the completions wrote / completions"),
    Metric(
        "comment_share",
        "Comment lines",
        "share",
        "lines that are comments, or strings that stand alone / lines that the completions wrote",
    ),
    Metric(
        "prm_belief",
        "Pass rate, as the reward model believes",
        "share",
        "mean over completions of (R(whole program) + 1) / 2, R at the last line of code; 0 without a program",
        "with `dense_reward`",
    ),
    Metric(
        "prm_gap",
        "Belief less pass rate",
        "",
        "`prm_belief` - `pass_rate`; where it grows, the policy is fooling the reward model",
        "with `dense_reward`",
    ),
    Metric(
        "prm_paid",
        "Pass rate, as the dense reward has it",
        "share",
        "(`prm_reward` + 1) / 2; where it grows and `pass_rate` does not, lines are written that please the reward model",
        "with `dense_reward`",
    ),
    Metric(
        "prm_reward",
        "Reward of the reward model",
        "",
        "mean over completions of the sum over line ends of R(prefix) / T, without weights; T is the completion's lines",
        "with `dense_reward`",
    ),
    Metric(
        "prm_reward_passed",
        "The same, programs that pass",
        "",
        "that mean over completions accepted",
        "with `dense_reward`, in updates with such completions",
    ),
    Metric(
        "prm_reward_failed",
        "The same, programs that do not",
        "",
        "that mean over completions not accepted",
        "with `dense_reward`, in updates with such completions",
    ),
    Metric(
        "prm_used",
        "Dense reward in use",
        "",
        "1, and 0 once `prm_drop_gap` has dropped it",
        "with `dense_reward`",
    ),
    Metric("kl", "KL to the reference", "nats a token", "mean over tokens of log pi_old(token) - log pi_ref(token)"),
    Metric(
        "kl_per_completion",
        "KL to the reference, a completion",
        "nats",
        "sum over tokens of log pi_old(token) - log pi_ref(token) / completions",
    ),
    Metric(
        "kl_coef",
        "KL coefficient",
        "",
        "weight of the KL penalty in the next update; moves if `kl_control` is adaptive",
    ),
    Metric(
        "policy_kl",
        "KL of the update",
        "nats a token",
        "mean over kept tokens of r - 1 - log r, r = pi(token) / pi_old(token); mean over optimiser steps",
    ),
    Metric(
        "policy_loss",
        "Policy loss",
        "",
        "mean over kept tokens of -min(r A, clip(r, 1 - c, 1 + c) A), c = `clip_range`; with `ratio` none of -A log pi, with "
        "sequence a mean over completions, r the product of the kept tokens' ratios; `loss_mean` says which mean; mean over "
        "optimiser steps",
    ),
    Metric(
        "kl_loss",
        "KL loss",
        "nats a token",
        "mean over tokens (with `mask_kl` those of executed lines) of q - 1 - log q, q = pi_ref(token) / pi(token), in the "
        "mean that `loss_mean` says; mean over optimiser steps",
        "if `kl_in` is loss",
    ),
    Metric(
        "value_loss",
        "Value loss",
        "",
        "mean over tokens (with `mask_values` those of executed lines) of max((V - R)^2, (clip(V, V_old - c, V_old + c) - "
        "R)^2) / 2, c = `value_clip_range`; mean over optimiser steps",
        "with ppo",
    ),
    Metric(
        "outcome_loss",
        "Loss of the outcome critic",
        "nats",
        "mean over completions of -log softmax(max over tokens of the critic's logits)[true outcome]; mean over optimiser "
        "steps",
        "with coderl",
    ),
    Metric(
        "ground_truth_loss",
        "Loss on canonical solutions",
        "nats a token",
        "mean over tokens of canonical solutions, one for each completion, of -log pi(token); mean over optimiser steps",
        "if `ground_truth_coef` is above 0",
    ),
    Metric(
        "entropy",
        "Entropy",
        "nats a token",
        "mean over kept tokens of -sum p log p of the next token; 0 unless `entropy_coef` is above 0",
    ),
    Metric(
        "clipped_share",
        "Clipped tokens",
        "share",
        "kept tokens whose term the clip holds at a constant / kept tokens; mean over optimiser steps",
    ),
    Metric(
        "gradient_norm", "Gradient norm", "", "norm of the gradient before it is clipped; mean over optimiser steps"
    ),
    Metric("value_mean", "Mean value", "", "mean over tokens of the value before the token, V_old", "with ppo"),
    Metric(
        "value_explained",
        "Explained variance",
        "",
        "1 - sum (R - V_old)^2 / sum (R - mean R)^2 over tokens; 0 where the returns R do not vary",
        "with ppo",
    ),
    Metric(
        "shaped_reward",
        "Reward shaping",
        "",
        "sum over tokens of what reward shaping gives / completions",
        "with reward shaping",
    ),
    Metric(
        "ast_match",
        "Syntax match",
        "share",
        "mean over completions of: subtrees of the canonical solution that the program has / subtrees of it",
        "with match",
    ),
    Metric(
        "data_flow_match",
        "Data-flow match",
        "share",
        "mean over completions of: data-flow edges of the canonical solution that the program has / edges of it",
        "with match",
    ),
    Metric(
        "blamed_line_share",
        "Errors blamed on a line",
        "share",
        "completions with a fine-grained penalty on one line / completions",
        "with rltf or lines",
    ),
    Metric(
        "blamed_global_share",
        "Errors blamed on the program",
        "share",
        "completions with a fine-grained penalty on all tokens / completions",
        "with rltf or lines",
    ),
    Metric(
        "outcome_accuracy",
        "Accuracy of the outcome critic",
        "share",
        "completions whose outcome (compile error, run-time error, failed, passed) the critic finds likeliest / completions",
        "with coderl",
    ),
    Metric(
        "outcome_weight",
        "Mean weight of a token",
        "share",
        "mean over completions of the mean over tokens of the critic's probability of the true outcome",
        "with coderl",
    ),
    Metric(
        "greedy_reward",
        "Mean reward, likeliest completions",
        "",
        "sum of the rewards of the likeliest completion of each task / tasks",
        "if `baseline` is greedy",
    ),
    Metric(
        "greedy_completions",
        "Completions beside the sampled ones",
        "completions",
        "likeliest completions that were generated and judged, one a task (a problem at a level)",
        "if `baseline` is greedy",
    ),
    Metric(
        "judge_failures",
        "Judge failures",
        "completions",
        "completions that the judge failed on, those of baselines and of a validation too; they are dropped",
    ),
    Metric(
        "programs",
        "Programs judged",
        "programs",
        "different programs (prefix + completion) of the update, and `greedy_completions`; one that was judged in an earlier "
        "update is not run again",
    ),
    Metric(
        "anchored_share",
        "Problems with an anchor",
        "share",
        "problems whose completions all failed, and passed from some prefix / problems of the update",
        "with the curriculum bread",
    ),
    Metric(
        "search_completions",
        "Completions of the search",
        "completions",
        "completions from prefixes, written to find the shortest one from which some pass",
        "with the curriculum bread",
    ),
    Metric("tokens_per_s", "Generation", "tokens/s", "tokens of the completions / seconds of generation"),
    Metric("generate_s", "Time to generate", "s", "wall time from the first prompt to the last completion"),
    Metric(
        "judge_wait_s",
        "Wait for the judge",
        "s",
        "wall time spent on nothing else, between the last completion, read once more, and the last verdict",
    ),
    Metric("update_s", "Time of the update", "s", "wall time of the whole update, validation apart"),
)

BY_NAME = {metric.name: metric for metric in METRICS}

NOT_NUMBERS = frozenset(("update", "levels"))
"""Keys of a line of metrics.jsonl beside the metrics: the number of the update, and {level: problems given at it}."""


def unknown_names(names: Iterable[str]) -> list[str]:
    """Keys of a line of metrics.jsonl that the glossary lacks."""
    return sorted(set(names) - BY_NAME.keys() - NOT_NUMBERS)


def markdown() -> str:
    """The text of docs/metrics.md."""
    rows = [
        f"| `{m.name}` | {m.unit or '-'} | {m.formula.replace('|', '&#124;')}{f'; {m.sometimes}' if m.sometimes else ''} |"
        for m in METRICS
    ]
    return "\n".join((_HEAD, *rows, _TAIL))


_HEAD = """# What a run logs

Made from `stepcoder/glossary.py` by `python docs/make_metrics_page.py`. `RUN/metrics.jsonl` has one JSON object an update;
TensorBoard has the same numbers, and beside them, as `stepcoder-sft`, the loss of supervised training, which `RUN/sft.jsonl`
has by the step. `stepcoder report RUN` draws them.

Legend: pi is the policy as it is trained, pi_old as it wrote the completions, pi_ref the frozen reference; r is the ratio
pi / pi_old of a token's probability, A its advantage, V the value before it, R its return. "Kept" tokens are those that
count in the policy loss: all tokens of a completion, and with FGO only those on executed lines
(`stepcoder/executed_tokens.py` has the rule). Probabilities are those of sampling: logits divided by `temperature`.

| name | unit | formula |
|---|---|---|"""

_TAIL = """
Beside the numbers, a line has `update`, counted from 1, and `levels`: how many of the update's problems were given at which
level of the curriculum, 1 being the easiest.

`RUN/samples.jsonl` has a few completions an update:

| key | what |
|---|---|
| `update`, `problem_id`, `level` | when, and what was asked |
| `prefix_chars` | characters of the canonical solution, or of the guide's program, that were given |
| `completion` | what the policy wrote |
| `verdict`, `reward` | what the judge said (or `extraction_failed`), and what that earned |
| `executed_lines` | lines of prefix + completion that some unit test executed; null: not known |
| `token_offsets`, `keep` | for each token its characters in the completion, and whether it stayed in the loss |

`RUN/validation.jsonl` has a line for each validation problem and validation: `update`, `problem_id`, and `outcomes`, how many
of its completions came to which end.
"""
