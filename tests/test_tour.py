"""The tour: two numbers that play a GAN's game, by hand and with the terms of the training; small games; pictures."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from experiments.studies import dynamics, tour, tour_figure
from experiments.tables import parts
from experiments.tables.tour import tour as table
from ssgan import terms


class Slope(keras.Model):
    """A discriminator `u = slope x` of images of one pixel."""

    def build(self, _=None):
        self.slope = self.add_weight(name="slope", shape=(), initializer=keras.initializers.Constant(-1.0))

    def call(self, images, training=False):
        logits = self.slope * tf.reshape(images, [-1, 1])
        return logits, logits


@pytest.mark.parametrize(
    ("rule", "distance"),
    [
        ("simultaneous", 2.325861),
        ("alternating", 1.436353),
        ("optimistic", 0.859985),
        ("R1", 0.012203),
        ("consensus", 6.9376e-5),
    ],
)
def test_the_distance_to_which_each_rule_leads(rule, distance):
    points = dynamics.path(rule)
    assert points.shape == (101, 2) and points[0].tolist() == [1, 1]
    assert np.hypot(*points[-1]) == pytest.approx(distance, rel=1e-4)


@pytest.mark.parametrize(
    ("objective", "r1_weight", "steps", "distance"),
    [
        ("gan_saturating", 0.0, 1000, 2.650690),  # the Dirac-GAN of arXiv:1801.04406, section 2
        ("gan_saturating", 0.1, 1000, 0.029007),
        ("wasserstein", 0.0, 100, 2.325861),
        ("wasserstein", 1.0, 100, 0.012203),
    ],
)
def test_the_objectives_and_r1_move_two_numbers_as_by_hand(objective, r1_weight, steps, distance):
    """One real point at 0, one generated one; simultaneous descent with step 0.1 from (1, -1)."""
    game, point, discriminator = terms.OBJECTIVES[objective], tf.Variable(1.0), Slope()
    discriminator.build()
    slope = discriminator.slope.value

    @tf.function
    def play():
        for _ in tf.range(steps):
            with tf.GradientTape(persistent=True) as tape:
                generated = game.scores(discriminator(tf.reshape(point, [1, 1, 1, 1]))[0])
                zero = tf.zeros([1, 1, 1, 1])
                real = terms.Rows(zero, *discriminator(zero))
                d_loss = tf.reduce_sum(game.real(game.scores(real.logits)) + game.generated(generated))
                passes = terms.Passes(real=real, generated=real, seeds=None)
                d_loss += r1_weight * terms.R1()(passes, discriminator)
                g_loss = tf.reduce_sum(game.generator(generated))
            by_slope, by_point = tape.gradient(d_loss, slope), tape.gradient(g_loss, point)
            slope.assign_sub(0.1 * by_slope)
            point.assign_sub(0.1 * by_point)

    play()
    assert np.hypot(point.numpy(), slope.numpy()) == pytest.approx(distance, rel=1e-3)


def test_every_objective_is_played_as_it_is():
    assert list(tour.GAMES)[: len(terms.OBJECTIVES)] == list(terms.OBJECTIVES)
    for name in terms.OBJECTIVES:
        assert tour.GAMES[name] == tour.Game(objective=name)
    assert {game.objective for game in tour.GAMES.values()} == terms.OBJECTIVES.keys()


def test_heaps_and_nearness_by_hand():
    real = tour.ring(4000, keras.random.SeedGenerator(0)).numpy().reshape(-1, 2)
    heaps, near = tour.judge(real)
    assert heaps == 8 and near == pytest.approx(1 - np.exp(-4.5), abs=0.006)
    two = np.repeat(tour.MIDDLES[[0, 3]], [98, 2], axis=0)
    assert tour.judge(two) == (2, 1.0)
    two[99:] += 10
    assert tour.judge(np.tile(two, (2, 1))) == (2, 0.99)
    two[98:] += 10
    assert tour.judge(two) == (1, 0.98)
    assert tour.judge(np.full((5, 2), np.nan)) == (0, 0.0)


def test_a_game_is_the_same_for_the_same_seed():
    found = tour.play(tour.GAMES["wasserstein, GP"], steps=2, seeds=(3, 3, 4))
    assert found["heaps"][0] == found["heaps"][1] and found["near"][0] == found["near"][1] != found["near"][2]
    assert len(found["points"]) == tour.SHOWN and len(set(found["points"])) > tour.SHOWN / 2


def test_both_networks_learn_and_the_discriminator_at_its_own_rate():
    for name, rates in (("gan", [1e-3, 1e-3]), ("gan, faster D", [4e-3, 1e-3])):
        pair, chance = tour.networks(tour.GAMES[name]), keras.random.SeedGenerator(0)
        before = [network.get_weights()[0] for network in pair]
        rounds, optimizers = tour.compiled(tour.GAMES[name], *pair, chance)
        assert [float(optimizer.learning_rate) for optimizer in optimizers] == pytest.approx(rates)
    rounds(tf.constant(1))
    moved = [np.abs(network.get_weights()[0] - old).max() for old, network in zip(before, pair, strict=True)]
    np.testing.assert_allclose(moved, rates, rtol=0.01)  # Adam's first step is its rate


def test_the_losses_of_a_game_are_those_of_its_terms():
    """Linear networks, whose logit is 3 x + 4 y and whose features are the points themselves."""
    points = keras.Input((1, 2, 1))
    features = keras.layers.Flatten()(points)
    dense = keras.layers.Dense(1)
    linear = keras.Model(points, [dense(features), features])
    dense.set_weights([np.array([[3.0], [4.0]]), np.zeros(1)])
    real, generated = (np.float32(pair).reshape(2, 1, 2, 1) for pair in ([[1, 0], [0, 1]], [[0, 0], [0, 0.25]]))
    chance = keras.random.SeedGenerator(0)
    expected = {"wasserstein": -3.5 + 0.5, "wasserstein, R1": -3 + 0.1 * 12.5, "wasserstein, GP": -3 + 0.1 * 16}
    for name, loss in expected.items():
        found = tour.d_loss(tour.GAMES[name], linear, tf.constant(real), tf.constant(generated), chance)
        assert found.numpy() == pytest.approx(loss, rel=1e-5)
    assert tour.g_loss(tour.GAMES["wasserstein"], linear, real, generated).numpy() == -0.5
    assert tour.g_loss(tour.GAMES["gan, feature matching"], linear, real, generated).numpy() == (0.5 + 0.375) / 2


def test_the_deviation_of_a_batch_is_its_last_feature():
    discriminator, _ = tour.networks(tour.GAMES["gan, batch deviation"])
    equal, differing = np.ones((4, 1, 2, 1)), np.arange(8.0).reshape(4, 1, 2, 1)
    assert np.abs(discriminator(equal)[1][:, -1]).max() < 1e-3
    features = discriminator(differing)[1].numpy()
    np.testing.assert_allclose(features[:, -1], features[:, :-1].std(axis=0).mean(), rtol=1e-4)


def test_the_results_of_a_game_join_those_that_are_there(tmp_path, monkeypatch):
    played = {"heaps": [8, 3], "near": [0.5, 0.25], "points": ["0.00,1.00"]}
    monkeypatch.setattr(tour, "play", lambda game, **options: played)
    for name in ("kl", "gan"):
        tour.tour([name], tmp_path / "tour.json", steps=1)
    written = json.loads((tmp_path / "tour.json").read_text())
    assert list(written["games"]) == ["gan", "kl"] and written["steps"] == 1 and written["seeds"] == [0, 1, 2]
    monkeypatch.setattr(parts, "RESULTS", tmp_path)
    parts.result.cache_clear()
    assert table().splitlines()[2:] == ["| gan | 8, 3 | 50, 25 % |", "| kl | 8, 3 | 50, 25 % |"]
    parts.result.cache_clear()


def test_equal_pushes_have_one_name():
    found = tour_figure.slopes()
    assert sorted(", ".join(found).split(", ")) == sorted(terms.OBJECTIVES)
    assert "gan, js" in found and "hinge, wasserstein, ipm, kl, pearson, jeffrey" in found
    at_0 = {name: push[len(push) // 2] for name, push in found.items()}
    assert at_0["gan, js"] == pytest.approx(0.5) and at_0["lsgan"] == 1 and at_0["tv"] == 0.5
    assert len(found) <= len(tour_figure.COLOURS)


def test_the_pictures_are_drawn_also_of_numbers_that_are_not_finite(tmp_path):
    games = {
        name: {"heaps": [1], "near": [0.5], "points": ["0.00,-1.00"] * (name != "kl")}
        for name in ("gan", "kl", "gan, R1", "js", "tv", "lsgan")
    }
    heaps = {"middles": tour.MIDDLES, "near": tour.NEAR}
    tour_figure.draw_games(games, tmp_path / "tour.png", real=tour.MIDDLES, **heaps)
    tour_figure.draw_slopes(tmp_path / "slopes.png")
    for name in ("tour", "slopes"):
        with Image.open(tmp_path / f"{name}.png") as image:
            assert min(image.size) > 300
