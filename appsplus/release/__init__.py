"""The dataset folder: Parquet, manifest, card and figures; written by a build, read by everyone else.

    with prepare_target(out) as folder:
        with DatasetWriter(folder) as writer:
            writer.add(problem, split) ... writer.reject(rejected)
        seal(folder, Manifest(..., counts=writer.statistics.counts(), funnel=...))
        commit(folder, out)

`seal` is in `appsplus.release.seal`: it needs what writes cards, which a reader of datasets does without.
"""

from appsplus.release.folder import check_target, commit, disk_errors, prepare_target
from appsplus.release.manifest import FunnelStage, Manifest, data_hash, folder_hash, read_manifest
from appsplus.release.reader import find_problem, load_problems, load_rejected, problem_ids
from appsplus.release.rows import RejectedProblem, prompt_text
from appsplus.release.statistics import Statistics
from appsplus.release.worklist import (
    IndexRow,
    WorkItem,
    WorklistWriter,
    WorkReason,
    load_work_item,
    load_worklist_index,
    title_of,
)
from appsplus.release.writer import DatasetWriter, validation_split

__all__ = [
    "DatasetWriter",
    "FunnelStage",
    "IndexRow",
    "Manifest",
    "RejectedProblem",
    "Statistics",
    "WorkItem",
    "WorkReason",
    "WorklistWriter",
    "check_target",
    "commit",
    "data_hash",
    "disk_errors",
    "find_problem",
    "folder_hash",
    "load_problems",
    "load_rejected",
    "load_work_item",
    "load_worklist_index",
    "prepare_target",
    "problem_ids",
    "prompt_text",
    "read_manifest",
    "title_of",
    "validation_split",
]
