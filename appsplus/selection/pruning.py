"""Which of some vectors are kept: reduce their dimensions, cluster them, prune each cluster (arXiv:2407.05040).

    1. PCA to at most `dimensions`, rounded to 6 decimals, so that the last bit of a sum decides nothing
    2. clusters by k-means, or by HDBSCAN, whose noise is one cluster more
    3. of n vectors round(share * n) are kept, of each cluster its part (largest remainders, ties to the larger cluster)
    4. in each cluster vectors leave one by one, until its part is left:
         diversity    the one whose nearest neighbour is nearest       d_i = min over j of |x_i - x_j|
         density      the one where the density is highest             p_i = sum over j of exp(-|x_i - x_j|^2 / (2 h^2))
       where j runs over those that have not left, and ties leave from the end

The steps, PCA, both ways to cluster and both metrics are the paper's. Ours: distances and densities are taken anew after each
one that leaves (else of two equal problems both would go, and here one stays), h = the median distance to the nearest
neighbour in the cluster, the parts of clusters, noise as a cluster, and the defaults: 16 dimensions, sqrt(n / 2) clusters.
"""

import math
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from appsplus.errors import InputError, MissingExtraError

Metric = Literal["diversity", "density"]
Clustering = Literal["kmeans", "hdbscan"]
METRICS, CLUSTERINGS = get_args(Metric), get_args(Clustering)
NOISE = -1
_DECIMALS = 6
_SMALLEST_CLUSTER = 5  # of HDBSCAN

Vectors = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pruned:
    """What became of each vector, in their order."""

    kept: tuple[bool, ...]
    clusters: tuple[int, ...]  # NOISE: in none
    scores: tuple[
        float, ...
    ]  # diversity: distance to the nearest neighbour; density: p_i; both when it left, or in the end
    dimensions: int  # after the reduction


def pruned(
    vectors: Any, *, metric: Metric, share: float, clustering: Clustering, clusters: int, dimensions: int, seed: int
) -> Pruned:
    """Choose round(share * n) of n vectors (a dense or sparse matrix, a row each). `clusters` 0: sqrt(n / 2).

    Raises InputError where none would be left, MissingExtraError where scikit-learn is not installed.
    """
    count = vectors.shape[0]
    wanted = kept_of(count, share)
    if wanted == count:
        return Pruned((True,) * count, (0,) * count, (0.0,) * count, vectors.shape[1])
    with _needed("threadpoolctl").threadpool_limits(1):  # any number of threads, the same sums
        points = reduced(vectors, dimensions, seed)
        labels = clustered(points, clustering, clusters, seed)
    kept, scores = np.zeros(count, dtype=bool), np.zeros(count)
    parts = parts_of({label: int(n) for label, n in zip(*np.unique(labels, return_counts=True), strict=True)}, wanted)
    for label, part in parts.items():
        members = np.flatnonzero(labels == label)
        stays, found = thinned(points[members], part, metric)
        kept[members[stays]] = True
        scores[members] = found
    return Pruned(tuple(kept.tolist()), tuple(labels.tolist()), tuple(scores.tolist()), points.shape[1])


def kept_of(count: int, share: float) -> int:
    """How many of `count` problems a share is: rounded, half up. Raises InputError where that is none of some."""
    wanted = math.floor(share * count + 0.5)
    if count and not wanted:
        raise InputError(f"a share of {share} of {count} problems in train leaves none; raise --share")
    return wanted


def reduced(vectors: Any, dimensions: int, seed: int) -> Vectors:
    """PCA to at most `dimensions`; fewer where there are fewer vectors or columns."""
    room = min(vectors.shape) - 1
    if room < 1:
        return np.zeros((vectors.shape[0], 1))
    pca = _needed("sklearn.decomposition").PCA(
        n_components=min(dimensions, room),
        svd_solver="full" if isinstance(vectors, np.ndarray) else "arpack",
        random_state=seed,
    )
    points: Vectors = np.asarray(pca.fit_transform(vectors), dtype=np.float64)
    return np.round(points, _DECIMALS) + 0.0  # no negative zeros


def clustered(points: Vectors, clustering: Clustering, clusters: int, seed: int) -> NDArray[np.int64]:
    """The cluster of each point; NOISE for those that HDBSCAN puts into none."""
    different = len(np.unique(points, axis=0))
    if clustering == "hdbscan":
        if different < _SMALLEST_CLUSTER:
            return np.full(len(points), NOISE, dtype=np.int64)
        found = _needed("sklearn.cluster").HDBSCAN(min_cluster_size=_SMALLEST_CLUSTER, copy=True).fit_predict(points)
    else:
        wanted = min(clusters or max(1, round(math.sqrt(len(points) / 2))), different)
        found = _needed("sklearn.cluster").KMeans(wanted, n_init=10, random_state=seed).fit_predict(points)
    return np.asarray(found, dtype=np.int64)


def parts_of(sizes: dict[int, int], wanted: int) -> dict[int, int]:
    """How many of `wanted` each cluster keeps: as its size is, by largest remainders. -> {label: number}, by label."""
    total = sum(sizes.values())
    parts = {label: wanted * size // total for label, size in sizes.items()}
    left = wanted - sum(parts.values())
    by_remainder = sorted(sizes, key=lambda label: (-(wanted * sizes[label] % total), -sizes[label], label))
    for label in by_remainder[:left]:
        parts[label] += 1
    return dict(sorted(parts.items()))


def thinned(points: Vectors, part: int, metric: Metric) -> tuple[NDArray[np.int64], Vectors]:
    """Which `part` points of a cluster stay, ascending, and the score of each when it left, or in the end. (M, D) ->.

    The distance of a point that is alone is infinite. Memory holds one or two (M, M) matrices.
    """
    distances = np.empty((len(points), len(points)))
    for row, point in enumerate(points):
        distances[row] = np.sqrt(((points - point) ** 2).sum(-1))
    np.fill_diagonal(distances, np.inf)
    return _thinned_by_diversity(distances, part) if metric == "diversity" else _thinned_by_density(distances, part)


def _thinned_by_diversity(distances: Vectors, part: int) -> tuple[NDArray[np.int64], Vectors]:
    stay = np.arange(len(distances))
    nearest = distances.min(1)
    for _ in range(len(distances) - part):
        gone = _last_of_largest(-nearest, stay)
        stay = stay[stay != gone]
        lost = stay[distances[stay, gone] == nearest[stay]]  # their nearest neighbour may have been this one
        if len(lost):
            nearest[lost] = distances[np.ix_(lost, stay)].min(1)
    return stay, nearest


def _thinned_by_density(distances: Vectors, part: int) -> tuple[NDArray[np.int64], Vectors]:
    stay = np.arange(len(distances))
    nearest = distances.min(1)
    finite = nearest[np.isfinite(nearest)]
    width = (float(np.median(finite)) if len(finite) else 0.0) or 1.0
    kernel = np.exp(-(distances**2) / (2 * width**2))
    densities = kernel.sum(1)
    for _ in range(len(distances) - part):
        gone = _last_of_largest(np.round(densities, 2 * _DECIMALS), stay)
        stay = stay[stay != gone]
        densities[stay] -= kernel[stay, gone]
    return stay, densities


def _last_of_largest(scores: Vectors, among: NDArray[np.int64]) -> int:
    """The last of those with the largest score."""
    found = scores[among]
    return int(among[len(among) - 1 - np.argmax(found[::-1])])


def _needed(module: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"`appsplus select` needs {error.name}, which is not installed: pip install 'appsplus[select]'"
        ) from error
