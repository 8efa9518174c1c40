"""Which vectors are kept: the steps on numbers worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from appsplus.errors import InputError
from appsplus.selection.pruning import NOISE, clustered, kept_of, parts_of, pruned, reduced, thinned


def points(*values: float) -> np.ndarray:
    return np.array([[value] for value in values])


def test_diversity_lets_the_one_leave_whose_neighbour_is_nearest_and_looks_anew() -> None:
    # 0, 1, 3, 7: nearest distances 1, 1, 2, 4; of the tie the later one, 1, leaves, and 0 has 3 at distance 3 now;
    # then 3 (3, of 0) ties with 0 (3): the later one leaves; 7 is at 7 from 0
    stay, scores = thinned(points(0, 1, 3, 7), 2, "diversity")
    assert stay.tolist() == [0, 3]
    assert scores.tolist() == [7, 1, 3, 7]


def test_of_equal_points_one_stays() -> None:
    stay, scores = thinned(points(5, 5, 5, 9), 2, "diversity")
    assert stay.tolist() == [0, 3]
    assert scores.tolist() == [4, 0, 0, 4]


def test_the_last_of_a_cluster_that_keeps_none_has_no_neighbour() -> None:
    stay, scores = thinned(points(1, 2), 0, "diversity")
    assert stay.tolist() == []
    assert scores.tolist() == [math.inf, 1]
    assert thinned(points(4), 0, "density")[0].tolist() == []


def test_density_lets_the_densest_leave_and_looks_anew() -> None:
    # 0, 1, 2, 10: nearest distances 1, 1, 1, 8, so h = 1; e(d) = exp(-d^2 / 2)
    # densities: e1 + e2, 2 e1, e1 + e2, (e8 ..): 1 leaves; then 0 and 2 have e2 each: the later one, 2, leaves
    e1, e2 = math.exp(-0.5), math.exp(-2.0)
    stay, scores = thinned(points(0, 1, 2, 10), 2, "density")
    assert stay.tolist() == [0, 3]
    assert scores[1] == pytest.approx(2 * e1)
    assert scores[2] == pytest.approx(e2)
    assert e2 < e1
    assert scores[0] == pytest.approx(0.0, abs=1e-9)  # 10 is far away


def test_each_cluster_keeps_its_part_by_largest_remainders() -> None:
    # 5 of 10: 2.5, 1.5, 1.0; one is left over, remainders tie, the larger cluster has it
    assert parts_of({0: 5, 1: 3, 2: 2}, 5) == {0: 3, 1: 1, 2: 1}
    # 2 of 9: 0.44, 0.67, 0.89
    assert parts_of({0: 2, 1: 3, NOISE: 4}, 2) == {NOISE: 1, 0: 0, 1: 1}
    assert parts_of({0: 4}, 3) == {0: 3}


@given(st.dictionaries(st.integers(-1, 9), st.integers(1, 50), min_size=1), st.data())
def test_parts_add_up_and_no_cluster_keeps_more_than_it_has(sizes: dict[int, int], data: st.DataObject) -> None:
    wanted = data.draw(st.integers(0, sum(sizes.values())))
    parts = parts_of(sizes, wanted)
    assert sum(parts.values()) == wanted
    assert all(0 <= parts[label] <= size for label, size in sizes.items())


@pytest.mark.parametrize(("count", "share", "kept"), [(10, 0.5, 5), (5, 0.5, 3), (3, 0.1, 0), (0, 0.5, 0), (7, 1.0, 7)])
def test_a_share_is_rounded_half_up_and_none_of_some_is_refused(count: int, share: float, kept: int) -> None:
    if count and not kept:
        with pytest.raises(InputError, match=r"a share of 0.1 of 3 problems in train leaves none; raise --share"):
            kept_of(count, share)
    else:
        assert kept_of(count, share) == kept


def test_dimensions_are_no_more_than_the_vectors_have_and_distances_stay() -> None:
    vectors = np.array([[0.0, 0.0, 1.0], [3.0, 4.0, 1.0], [0.0, 0.0, 1.0], [6.0, 8.0, 1.0]])
    found = reduced(vectors, 16, 0)
    assert found.shape == (4, 2)
    assert np.linalg.norm(found[0] - found[1]) == pytest.approx(5, abs=1e-5)
    assert np.linalg.norm(found[0] - found[3]) == pytest.approx(10, abs=1e-5)
    sparse = reduced(csr_matrix(vectors), 1, 0)
    assert np.abs(sparse[0] - sparse[3]) == pytest.approx(10, abs=1e-5)
    assert reduced(np.ones((1, 3)), 16, 0).shape == (1, 1)


def test_there_are_no_more_clusters_than_different_points() -> None:
    labels = clustered(points(1, 1, 1, 9, 9), "kmeans", 4, 0)
    assert len(set(labels.tolist())) == 2
    assert labels[0] == labels[1] == labels[2] != labels[3] == labels[4]
    assert set(clustered(points(1, 1, 9), "hdbscan", 0, 0).tolist()) == {NOISE}


def test_hdbscan_finds_two_groups_and_noise() -> None:
    rng = np.random.default_rng(0)
    cloud = np.concatenate([rng.normal(0, 0.1, (12, 2)), rng.normal(5, 0.1, (12, 2)), [[50.0, -50.0]]])
    labels = clustered(cloud, "hdbscan", 0, 0)
    assert len(set(labels[:12])) == len(set(labels[12:24])) == 1
    assert labels[0] != labels[12]
    assert labels[24] == NOISE


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 40), st.sampled_from([0.1, 0.3, 0.5, 0.9, 1.0]), st.sampled_from(["diversity", "density"]))
def test_the_share_is_kept_whatever_the_vectors_and_the_same_each_time(count: int, share: float, metric: str) -> None:
    vectors = np.random.default_rng(count).normal(size=(count, 5))
    options = {"metric": metric, "share": share, "clustering": "kmeans", "clusters": 0, "dimensions": 3, "seed": 1}
    if math.floor(share * count + 0.5) == 0:
        with pytest.raises(InputError, match="leaves none"):
            pruned(vectors, **options)
        return
    found = pruned(vectors, **options)
    assert sum(found.kept) == math.floor(share * count + 0.5)
    assert found == pruned(vectors, **options)
