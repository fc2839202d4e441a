"""Plays small GANs on eight heaps of points: every objective as it is, and some with a cure. For the page of the tour.

  python -m experiments.studies.tour                              all games, some minutes on two cores
  python -m experiments.studies.tour --only gan "gan, R1"         these alone; the others stay as they are
  python -m experiments.studies.tour --draw                       the pictures again, from the results

Writes results/tour.json, tour.png and tour_slopes.png. Both networks have two hidden layers; a point is an image of two
pixels, so that the terms of ssgan.terms are those of the training of images.
"""

import argparse
import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from experiments.common import places, results
from experiments.studies import tour_figure
from ssgan import hardware, terms

HEAPS = 8
SPREAD = 0.1  # standard deviation of a heap; the heaps lie on a circle of radius 1
MIDDLES = np.array([(math.cos(angle), math.sin(angle)) for angle in np.arange(HEAPS) * (2 * math.pi / HEAPS)])
NEAR = 3 * SPREAD  # from its middle, a point belongs to a heap: 98.9 % of the real points do
FOUND = 0.01  # share of the generated points from which on a heap is found; its due would be 0.125
STEPS, SEEDS, BATCH = 2500, (0, 1, 2), 128
TESTED, SHOWN = 2000, 200  # generated points
UNITS, NOISE, RATE = 64, 8, 1e-3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Game:
    """What is played.

    Attributes:
        objective: of both networks.
        penalty: a term of the discriminator beside it.
        d_rate: learning rate of the discriminator.
        sees_deviation: whether the discriminator sees how much the points of a batch differ (arXiv:1710.10196).
        matches_features: whether the generator minimises the distance of mean features in place of the objective.
    """

    objective: str
    penalty: terms.Term | None = None
    d_rate: float = RATE
    sees_deviation: bool = False
    matches_features: bool = False


# The penalties are small, as the heaps are near each other: a slope that tells two of them apart has to be steep.
CURED = {
    "gan, R1": Game(objective="gan", penalty=terms.R1(0.1)),
    "gan, faster D": Game(objective="gan", d_rate=4 * RATE),
    "gan, batch deviation": Game(objective="gan", sees_deviation=True),
    "gan, feature matching": Game(objective="gan", matches_features=True),
    "gan_saturating, R1": Game(objective="gan_saturating", penalty=terms.R1(0.1)),
    "lsgan, R1": Game(objective="lsgan", penalty=terms.R1(0.1)),
    "lsgan_symmetric, R1": Game(objective="lsgan_symmetric", penalty=terms.R1(0.1)),
    "hinge, R1": Game(objective="hinge", penalty=terms.R1(0.1)),
    "wasserstein, R1": Game(objective="wasserstein", penalty=terms.R1(0.1)),
    "wasserstein, GP": Game(objective="wasserstein", penalty=terms.GradientPenalty(0.1)),
    "ipm, GP": Game(objective="ipm", penalty=terms.GradientPenalty(0.1)),
    "kl, R1": Game(objective="kl", penalty=terms.R1(0.1)),
    "reverse_kl, R1": Game(objective="reverse_kl", penalty=terms.R1(0.1)),
    "tv, R1": Game(objective="tv", penalty=terms.R1(0.1)),
}
GAMES = {**{name: Game(objective=name) for name in terms.OBJECTIVES}, **CURED}


def main() -> None:
    """Plays what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=GAMES, default=list(GAMES), metavar="GAME")
    parser.add_argument("--draw", action="store_true", help="play none")
    parser.add_argument("--output", type=Path, default=places.RESULTS / "tour.json", help="the .json file to write")
    options = parser.parse_args()
    tf.get_logger().setLevel("ERROR")  # it warns of many functions of one name, one for each game
    if not options.draw:
        tour(options.only, options.output)
    found = results.read(options.output)
    real = ring(SHOWN, keras.random.SeedGenerator(0)).numpy().reshape(-1, 2)
    tour_figure.draw_games(found["games"], options.output.with_suffix(".png"), real=real, middles=MIDDLES, near=NEAR)
    tour_figure.draw_slopes(options.output.with_name(f"{options.output.stem}_slopes.png"))


def tour(names: list[str], output: Path, *, steps: int = STEPS, seeds: tuple[int, ...] = SEEDS) -> None:
    """Plays games and puts what became of them into a results file."""
    origin = results.about(hardware.describe())
    for name in names:
        played = play(GAMES[name], steps=steps, seeds=seeds)
        print(f"{name:22} heaps {played['heaps']}, near one {played['near']}", flush=True)
        known = results.read(output).get("games", {})
        games = {each: found for each in GAMES if (found := {**known, name: played}.get(each))}
        results.put(output, **origin, steps=steps, seeds=list(seeds), games=games)


def play(game: Game, *, steps: int, seeds: tuple[int, ...]) -> dict[str, list]:
    """Plays a game once with each seed.

    Returns:
        `heaps`, the number found, and `near`, the share of points near one, 0..1, of each seed; `points` of the first,
        "x,y" each, none where the numbers are no longer finite.
    """
    pair, chance = networks(game), keras.random.SeedGenerator(0)
    rounds, optimizers = compiled(game, *pair, chance)
    start = [(variable, variable.numpy()) for optimizer in optimizers for variable in optimizer.variables]
    found: dict[str, list] = {"heaps": [], "near": [], "points": []}
    for number, seed in enumerate(seeds):
        keras.utils.set_random_seed(seed)
        for network, fresh in zip(pair, networks(game), strict=True):
            network.set_weights(fresh.get_weights())
        for variable, value in [*start, (chance.state, keras.random.SeedGenerator(seed).state.numpy())]:
            variable.assign(value)
        rounds(tf.constant(steps))
        points = pair[1](noise(TESTED, chance)).numpy().reshape(-1, 2)
        heaps, near = judge(points)
        found["heaps"].append(heaps)
        found["near"].append(round(near, 3))
        if number == 0 and np.isfinite(points).all():
            found["points"] = [f"{x:.2f},{y:.2f}" for x, y in points[:SHOWN]]
    return found


def networks(game: Game) -> tuple[keras.Model, keras.Model]:
    """Returns a discriminator, which returns logits [batch, 1] and features [batch, units], and a generator."""
    point = keras.Input((1, 2, 1))
    features = _hidden(keras.layers.Flatten()(point))
    if game.sees_deviation:
        deviation = keras.ops.mean(keras.ops.std(features, axis=0)) * keras.ops.ones_like(features[:, :1])
        features = keras.ops.concatenate([features, deviation], axis=1)
    noise = keras.Input((NOISE,))
    generated = keras.layers.Reshape((1, 2, 1))(keras.layers.Dense(2)(_hidden(noise)))
    return keras.Model(point, [keras.layers.Dense(1)(features), features]), keras.Model(noise, generated)


def compiled(
    game: Game, discriminator: keras.Model, generator: keras.Model, chance: keras.random.SeedGenerator
) -> tuple[Callable[[tf.Tensor], None], tuple[keras.optimizers.Optimizer, keras.optimizers.Optimizer]]:
    """Returns a compiled function that trains for so many steps, the discriminator first, and the two optimizers."""
    optimizers = keras.optimizers.Adam(game.d_rate, 0.5), keras.optimizers.Adam(RATE, 0.5)
    for optimizer, network in zip(optimizers, (discriminator, generator), strict=True):
        optimizer.build(network.trainable_variables)

    @tf.function
    def rounds(steps):
        for _ in tf.range(steps):
            real = ring(BATCH, chance)
            with tf.GradientTape() as tape:
                loss = d_loss(game, discriminator, real, generator(noise(BATCH, chance)), chance)
            optimizers[0].apply(tape.gradient(loss, discriminator.trainable_variables))
            with tf.GradientTape() as tape:
                loss = g_loss(game, discriminator, real, generator(noise(BATCH, chance)))
            optimizers[1].apply(tape.gradient(loss, generator.trainable_variables))

    return rounds, optimizers


def d_loss(
    game: Game, discriminator: keras.Model, real: tf.Tensor, generated: tf.Tensor, chance: keras.random.SeedGenerator
) -> tf.Tensor:
    """Returns what the discriminator minimises, float32 scalar, of points float32 [batch, 1, 2, 1] of both kinds."""
    objective = terms.OBJECTIVES[game.objective]
    of_real, (logits, features) = terms.Rows(real, *discriminator(real)), discriminator(generated)
    loss = tf.reduce_mean(objective.real(objective.scores(of_real.logits)))
    loss += tf.reduce_mean(objective.generated(objective.scores(logits)))
    if game.penalty is not None:
        points = {"images": generated, "logits": logits, "features": features}
        of_generated = terms.Generated(**points, drawn=generated, strong=generated, noise=generated, classes=None)
        passes = terms.Passes(real=of_real, generated=of_generated, seeds=chance)
        loss += game.penalty.weight * game.penalty(passes, discriminator)
    return loss


def g_loss(game: Game, discriminator: keras.Model, real: tf.Tensor, generated: tf.Tensor) -> tf.Tensor:
    """Returns what the generator minimises, float32 scalar, of points float32 [batch, 1, 2, 1] of both kinds."""
    logits, features = discriminator(generated)
    if game.matches_features:
        return terms.feature_matching_loss(discriminator(real)[1], features)
    objective = terms.OBJECTIVES[game.objective]
    return tf.reduce_mean(objective.generator(objective.scores(logits)))


def ring(count: int, chance: keras.random.SeedGenerator) -> tf.Tensor:
    """Returns real points, float32 [count, 1, 2, 1]: of each of the heaps as many as chance will have it."""
    heap = keras.random.randint([count], 0, HEAPS, seed=chance)
    middles = tf.gather(tf.constant(MIDDLES, tf.float32), heap)
    return tf.reshape(middles + SPREAD * keras.random.normal([count, 2], seed=chance), [count, 1, 2, 1])


def noise(count: int, chance: keras.random.SeedGenerator) -> tf.Tensor:
    """Returns the generator's input, float32 [count, NOISE], normal."""
    return keras.random.normal([count, NOISE], seed=chance)


def judge(points: np.ndarray) -> tuple[int, float]:
    """Returns how many heaps are found, and the share of points [n, 2] near one, 0..1."""
    distances = np.linalg.norm(points[:, None] - MIDDLES, axis=2)
    shares = np.mean(distances <= NEAR, axis=0)
    return int((shares >= FOUND).sum()), float(shares.sum())


def _hidden(values):
    for _ in range(2):
        values = keras.layers.Dense(UNITS, "leaky_relu", kernel_initializer="he_normal")(values)
    return values


if __name__ == "__main__":
    main()
