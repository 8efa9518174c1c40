"""verl: the score of one completion, for `custom_reward_function`.

    appsplus export out/appsplus --to verl --out out/verl
    python -m verl.trainer.main_ppo data.train_files=out/verl/train.parquet data.val_files=out/verl/test.parquet \\
        reward.custom_reward_function.path=pkg://appsplus.integrations.verl \\
        reward.custom_reward_function.name=compute_score ...

verl calls it in threads of its reward workers, so completions are judged in parallel. A failure of the judge is raised: with
the reward manager `naive` or `dapo` it ends the run; `rate_limited` turns any exception into a reward of 0, so do not use it.
"""

from typing import Any

from appsplus.integrations.rows import row_from_text
from appsplus.integrations.scoring import score


def compute_score(
    data_source: str,  # noqa: ARG001
    solution_str: str,
    ground_truth: str,
    extra_info: dict[str, Any] | None = None,  # noqa: ARG001
    *,
    variant: str | None = None,
    **_: Any,
) -> dict[str, Any]:
    """verl's reward (`score`), and beside it whether the program was accepted, the share of unit tests passed, the verdict.

    `variant` (`reward_kwargs`) is one of `appsplus.reward.VARIANTS`. Raises SandboxError where the judge fails, InputError
    for a `ground_truth` that `appsplus export` did not write.
    """
    scored = score(row_from_text(ground_truth), solution_str, variant=variant)
    return {
        "score": scored.reward,
        "acc": float(scored.accepted),
        "share_passed": scored.share_passed,
        "verdict": scored.outcome,
    }
