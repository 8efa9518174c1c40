"""A dataset folder with fewer problems in train, made from another: what was not chosen is on record, with the reason.

The selection is one stage more, `selected`: problems that it does not choose go to the config `rejected` with the reason
`not_selected`, the cluster and the score, so that given = kept + rejected goes on holding. Validation and test stay whole.
"""

import math
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from appsplus.errors import DatasetError, InputError
from appsplus.problem import Reason, Rejection
from appsplus.release import (
    DatasetWriter,
    FunnelStage,
    Manifest,
    RejectedProblem,
    check_target,
    commit,
    data_hash,
    load_problems,
    load_rejected,
    prepare_target,
    read_manifest,
)
from appsplus.release.ledger import ledger_folders
from appsplus.release.schema import SPLITS
from appsplus.release.seal import seal
from appsplus.selection.embedding import TFIDF, check_embeddings, embedded, text_of
from appsplus.selection.pruning import CLUSTERINGS, METRICS, Clustering, Metric, Pruned, kept_of, pruned

STAGE = "selected"


@dataclass(frozen=True, slots=True)
class SelectOptions:
    """How problems are chosen; recorded in the manifest."""

    method: Metric = "diversity"
    share: float = 0.5  # of the problems in train that is kept
    embeddings: str = TFIDF  # or hf:ID
    clustering: Clustering = "kmeans"
    clusters: int = 0  # of k-means; 0: sqrt(problems / 2)
    dimensions: int = 16  # after PCA
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in (("method", METRICS), ("clustering", CLUSTERINGS)):
            if getattr(self, name) not in known:
                raise InputError(f"--{name} {getattr(self, name)} is not known; expected one of {', '.join(known)}")
        if not 0 < self.share <= 1:
            raise InputError(f"--share must be above 0 and at most 1; got {self.share}")
        if self.clusters < 0 or self.dimensions < 1:
            raise InputError(f"--clusters must be at least 0, --dimensions 1; got {self.clusters}, {self.dimensions}")
        if self.clusters and self.clustering == "hdbscan":
            raise InputError(f"--clusters {self.clusters}: HDBSCAN finds how many there are; leave it away")
        check_embeddings(self.embeddings)


@dataclass(frozen=True, slots=True)
class Selected:
    """What came of it."""

    given: int  # problems in train
    kept: int
    clusters: int  # of k-means, or found by HDBSCAN; its noise is none
    manifest: Manifest


def select(
    dataset: Path,
    out: Path,
    options: SelectOptions,
    *,
    cache: Path | None = None,
    told: Callable[[str, int], None] = lambda *_: None,
) -> Selected:
    """Write a dataset with a share of the problems of another's train split into `out`; a dataset there is replaced.

    `told` hears what is done and of how many problems. Raises DatasetError where `dataset` is none, or has no problem in
    train; InputError where nothing would be left, or `out` cannot be written.
    """
    manifest = _selectable(dataset, out)
    texts = [text_of(problem) for problem in load_problems(dataset, "train")]
    if not texts:
        raise DatasetError(f"the split train of {dataset} is empty; there is nothing to select from")
    if kept_of(len(texts), options.share) == len(texts):
        found = Pruned((True,) * len(texts), (0,) * len(texts), (0.0,) * len(texts), 0)
    else:
        vectors = embedded(texts, options.embeddings, cache, lambda done: told("embedding", done))
        found = pruned(
            vectors,
            metric=options.method,
            share=options.share,
            clustering=options.clustering,
            clusters=options.clusters,
            dimensions=options.dimensions,
            seed=options.seed,
        )
    with prepare_target(out) as folder:
        counts, times = _written(dataset, folder, found, options, lambda done: told("writing", done))
        sealed = seal(folder, _manifest(dataset, manifest, options, counts, times, sum(found.kept)))
        commit(folder, out)
    return Selected(len(texts), sum(found.kept), len({c for c in found.clusters if c >= 0}), sealed)


def _selectable(dataset: Path, out: Path) -> Manifest:
    manifest = read_manifest(dataset)
    if any(stage.stage == STAGE for stage in manifest.funnel):
        raise InputError(f"{dataset} is a selection already; select from the dataset that it was made from")
    if out.resolve() == dataset.resolve():
        raise InputError(f"--out {out} is the dataset itself; a selection does not replace it: name another folder")
    check_target(out.resolve())
    return manifest


def _written(
    dataset: Path, folder: Path, found: Pruned, options: SelectOptions, told: Callable[[int], None]
) -> tuple[dict[str, Any], dict[str, float | None]]:
    """Write the data; returns its counts, and what the canonical solutions kept need of time."""
    times: dict[str, float | None] = {}
    done = 0
    with DatasetWriter(folder) as writer:
        for rejected in load_rejected(dataset):
            writer.reject(rejected)
        for split in SPLITS:
            for number, problem in enumerate(load_problems(dataset, split)):
                if split == "train" and not found.kept[number]:
                    writer.reject(RejectedProblem.of(problem, STAGE, _why(found, number, options)))
                else:
                    writer.add(problem, split)
                    times[problem.problem_id] = problem.reference_cpu_s
                done += 1
                told(done)
    for given in ledger_folders(dataset):
        shutil.copytree(given, folder / given.name)
    return writer.statistics.counts(), times


def _why(found: Pruned, number: int, options: SelectOptions) -> Rejection:
    cluster, score = found.clusters[number], round(found.scores[number], 6)
    evidence = {"method": options.method, "share": options.share, "cluster": cluster, "score": score}
    if math.isinf(score):
        words = "it was the last one left of its cluster, which is too small to keep any"
        return Rejection(Reason.NOT_SELECTED, words, evidence | {"score": None})
    words = {
        "diversity": f"the distance to its nearest neighbour in the cluster was {score:g}, the least of those left",
        "density": f"the density at it was {score:g}, the highest of those left in the cluster",
    }[options.method]
    return Rejection(Reason.NOT_SELECTED, words, evidence)


def _manifest(
    dataset: Path, of: Manifest, options: SelectOptions, counts: dict[str, Any], times: dict[str, Any], kept: int
) -> Manifest:
    """The manifest of the dataset that was selected from, and what the selection was. No clock: the same bytes each time."""
    given = of.counts["problems"]
    left_out = given - counts["problems"]
    stage = FunnelStage(STAGE, given, counts["problems"], {Reason.NOT_SELECTED.value: left_out} if left_out else {})
    libraries = ("scikit-learn", "scipy", "numpy", *(("transformers", "torch") if options.embeddings != TFIDF else ()))
    return Manifest(
        appsplus=metadata.version("appsplus"),
        inputs=of.inputs,
        options={**of.options, "select": asdict(options) | {"from": data_hash(dataset), "kept": kept}},
        ledger=of.ledger,
        versions={**of.versions, **{name: metadata.version(name) for name in libraries}},
        counts=counts,  # those of audit, submissions and worklist are of all problems, and stay with them
        funnel=(*of.funnel, stage),
        run={"reference_cpu_s": times},
    )
