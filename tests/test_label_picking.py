"""Which pictures are picked, and by which features: against what was computed by hand, or naively."""

import numpy as np
import pytest

from ssgan.labelling import picking
from ssgan.labelling.embedding import described, embed


def chance(seed=0):
    return np.random.default_rng(seed)


def clusters(sizes, *, apart=100.0, seed=0):
    """Points about centres that lie far from each other, the cluster of each, and its distance from the centre."""
    of_point = np.repeat(np.arange(len(sizes)), sizes)
    noise = chance(seed).normal(size=(len(of_point), 4))
    return (apart * np.eye(len(sizes), 4)[of_point] + noise).astype(np.float32), of_point, np.linalg.norm(noise, axis=1)


def test_k_means_finds_clusters_that_lie_apart():
    points, of_point, _ = clusters([50, 30, 20, 40])
    found = picking.k_means(points, 4, chance())
    assert len(set(zip(found.tolist(), of_point.tolist(), strict=True))) == 4


def test_typical_pictures_are_the_densest_of_the_largest_clusters():
    points, of_point, from_centre = clusters([60, 40, 30, 50])
    rows = picking.typical(points, np.zeros(180, bool), count=4, random=chance())
    assert of_point[rows].tolist() == [0, 3, 1, 2]
    for row in rows:
        assert from_centre[row] < np.median(from_centre[of_point == of_point[row]])


def test_a_line_of_points_has_its_middle_as_the_most_typical_one():
    points = np.array([[0.0], [1.0], [2.0], [2.5], [3.0], [4.0], [9.0]], np.float32)
    # One cluster; the mean distances of the seven points: 21.5, 16.5, 13.5, 13, 13.5, 16.5, 41.5, all by 7.
    assert picking.typical(points, np.zeros(7, bool), count=1, random=chance()).tolist() == [3]


def test_clusters_with_a_label_come_last_and_none_is_picked_twice():
    points, of_point, _ = clusters([60, 40, 30])
    covered = np.zeros(130, bool)
    covered[0] = True
    rows = picking.typical(points, covered, count=2, random=chance())
    assert of_point[rows].tolist() == [1, 2]
    every = picking.typical(points, covered, count=1000, random=chance())
    assert sorted(every) == list(range(1, 130))
    assert not len(picking.typical(points, np.ones(130, bool), count=5, random=chance()))


def test_a_handful_of_stray_pictures_is_no_cluster_to_begin_with():
    points, of_point, _ = clusters([60, 3])
    covered = np.zeros(63, bool)
    covered[0] = True
    rows = picking.typical(points, covered, count=1, random=chance())
    assert of_point[rows].tolist() == [0]  # though the strays have no label
    assert 1 in of_point[picking.typical(points, covered, count=62, random=chance())]


def naive_badge(features, probabilities, count, random):
    """The gradients written out, and k-means++ as the paper has it."""
    error = probabilities - np.eye(probabilities.shape[1])[probabilities.argmax(axis=1)]
    gradients = np.einsum("nk,nd->nkd", error, features).reshape(len(features), -1)
    picked = [int((gradients**2).sum(axis=1).argmax())]
    while len(picked) < count:
        squares = ((gradients[:, None] - gradients[picked]) ** 2).sum(axis=2).min(axis=1)
        picked.append(int(np.searchsorted(np.cumsum(squares), random.random() * squares.sum(), side="right")))
    return picked


def test_uncertain_pictures_are_those_of_badge():
    features = chance(1).normal(size=(80, 6)).astype(np.float32)
    probabilities = chance(2).dirichlet(np.full(5, 0.3), 80).astype(np.float32)
    covered = np.arange(80) % 4 == 0
    rows = picking.uncertain(features, probabilities, covered, count=20, random=chance(3))
    left = np.flatnonzero(~covered)
    naive = naive_badge(features[left].astype(float), probabilities[left].astype(float), 20, chance(3))
    assert rows.tolist() == left[naive].tolist()
    assert not len(picking.uncertain(features, probabilities, np.ones(80, bool), count=20, random=chance()))


def test_equal_pictures_and_certain_ones_are_picked_once():
    features = np.repeat(np.eye(4, dtype=np.float32), 10, axis=0)
    probabilities = np.tile(np.float32([1, 0]), (40, 1))
    probabilities[:20] = 0.5
    rows = picking.uncertain(features, probabilities, np.zeros(40, bool), count=3, random=chance())
    assert sorted(rows // 10)[:2] == [0, 1] and sum(rows >= 20) == 1  # of those without a gradient, one
    rows = picking.uncertain(features, probabilities, np.zeros(40, bool), count=99, random=chance())
    assert sorted(rows) == list(range(40))


@pytest.mark.parametrize(("labels", "expected"), [(9.9, "typical"), (10.0, "uncertain")])
def test_with_a_run_typical_pictures_come_before_uncertain_ones(labels, expected):
    points, _, _ = clusters([30, 20])
    probabilities = chance(5).dirichlet([1, 1], 50).astype(np.float32)
    of = {"covered": np.zeros(50, bool), "count": 5}
    ways = {
        "typical": picking.typical(points, **of, random=chance()).tolist(),
        "uncertain": picking.uncertain(points, probabilities, **of, random=chance()).tolist(),
    }
    assert ways["typical"] != ways["uncertain"]
    found = picking.next_pictures(points, probabilities, **of, labels_a_class=labels, random=chance())
    assert found.tolist() == ways[expected]
    without = picking.next_pictures(points, None, **of, labels_a_class=labels, random=chance())
    assert without.tolist() == ways["typical"]


# What pictures look like


def stripes(period, *, across, height=64, width=64, channels=3):
    """A picture of stripes, uint8."""
    rows, columns = np.mgrid[:height, :width]
    wave = 127 + 120 * np.sin(2 * np.pi * (columns if across else rows) / period)
    return np.repeat(wave[..., None], channels, axis=2).astype(np.uint8)


def test_edges_are_told_by_their_direction_whatever_the_light():
    images = np.stack([stripes(16, across=True), stripes(16, across=False), stripes(16, across=True) // 2 + 60])
    found = described(images)
    assert found.shape == (3, 64 + 48)
    edges = found[:, :64].reshape(3, 4, 16)
    np.testing.assert_allclose((edges**2).sum(axis=(1, 2)), 1, rtol=1e-5)
    assert edges[0, 0].min() > 0.1 and edges[0, 1].max() < 1e-3  # those to the right alone
    assert edges[1, 1].min() > 0.1 and edges[1, 0].max() < 1e-3
    np.testing.assert_allclose(edges[2], edges[0], atol=0.02)


def test_colours_are_the_means_of_the_cells():
    image = np.zeros((1, 32, 32, 3), np.uint8)
    image[0, :8, :8] = (255, 51, 0)  # the first cell
    colours = described(image)[0, 64:].reshape(16, 3)
    np.testing.assert_allclose(colours[0], 0.05 * np.array([1, 0.2, 0]), atol=1e-6)
    assert not colours[1:].any()


@pytest.mark.parametrize("shape", [(16, 16, 1), (28, 28, 1), (48, 33, 3), (128, 100, 3)])
def test_pictures_of_every_size_are_described(shape):
    images = chance().integers(0, 256, (7, *shape), np.uint8)
    found = embed(lambda numbers: images[numbers], 7, seed=0)
    assert found.shape == (7, 7) and found.dtype == np.float32 and np.isfinite(found).all()
    np.testing.assert_array_equal(found, embed(lambda numbers: images[numbers], 7, seed=0))
