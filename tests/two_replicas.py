"""What two logical CPUs of one process compute, for tests/test_replicas.py: run as a script, it prints JSON.

A process can have logical devices only before TensorFlow starts, and two strategies of one process may not agree on
their collectives, so that one process does it all, under one strategy.
"""

import json
import sys
import time
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from ssgan import layers, replicas, terms
from ssgan.augment import chance
from ssgan.batches import masked_batches, mixed_batches
from ssgan.errors import UsageError
from ssgan.figures import Figures
from ssgan.gan import SSGAN
from ssgan.layers.minibatch import nearness
from ssgan.models import Discriminator, Generator, architectures
from ssgan.options import Config
from ssgan.terms.logits import mean
from ssgan.training import build as recipe
from ssgan.workers import Workers

STEPS, SHAPE, CLASSES = 3, (16, 16, 3), 3
RANDOM = np.random.RandomState(0)
LABELS = (np.arange(60) % CLASSES).astype(np.int32)
IMAGES = RANDOM.randint(0, 206, (CLASSES, 1, 1, 3))[LABELS] + RANDOM.randint(0, 50, (60, *SHAPE))
IMAGES = IMAGES.astype(np.uint8)
MASK = np.arange(60) < 15
SIZES = {"labeled_batch": 4, "unlabeled_batch": 6, "generated_batch": 4, "generator_width": 2, "latent_dim": 6}
USUAL = {**SIZES, "precision": "float32", "labels": 15, "unlabeled_start": 0.0}
PAPER = {"conditional": False, "generator": "dcgan", "latent": "uniform", "gan_views": "strong", "augment": "none"}
PAPER |= {"mode_seeking_weight": 0.0, "pseudo_label_weight": 0.0}
CASES = {
    "default": Config(
        **USUAL,
        pseudo_label_threshold=0.3,
        adversarial_weight=0.5,
        **{
            f"{name}_weight": 0.3
            for name in ("class_feature_matching", "r1", "historical_averaging", "encoder", "gradient_penalty")
        },
        label_noise=0.3,
        generated_labels=0.5,
        generated_labels_start=0.0,
        weight_noise=0.1,
    ),
    "paper": Config(
        **{**USUAL, **PAPER, "augment": "affine"},
        updates="alternating",
        normalization="spectral",
        minibatch_features=3,
        generator_normalization="virtual",
    ),
    "article": Config(
        **USUAL, **PAPER, batching="masked", arch="article", label_smoothing=0.1, flip="yes", feature_matching="squared"
    ),
}


def tiny(dtype) -> list[keras.layers.Layer]:
    """Returns one convolution, and no dropout, which differs between replicas."""
    return [layers.WeightNormConv2D(4, 3, strides=2, dtype=dtype), keras.layers.LeakyReLU(0.2, dtype=dtype)]


def make(config: Config, strategy: tf.distribute.Strategy, unlabeled_start: int = 0) -> SSGAN:
    keras.utils.set_random_seed(0)
    with strategy.scope():
        gan = recipe.build(config, image_shape=SHAPE, num_classes=CLASSES, steps=100)
        options = ("d_terms", "g_terms", "updates", "generated_batch", "gan_views", "flip", "shift", "augment")
        given = {name: getattr(gan, name) for name in options}
        rates = keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01)
        gan.compile(*rates, **given, unlabeled_start=unlabeled_start)
    gan.initialize_from_data(IMAGES)
    return gan


def batches(config: Config, **options):
    arrays = (IMAGES, LABELS, MASK)
    own = config.generated_batch if config.updates == "alternating" else 0
    if config.batching == "masked":
        return masked_batches(*arrays, batch=config.unlabeled_batch + own, seed=1, **options)
    sizes = {"labeled_batch": config.labeled_batch, "unlabeled_batch": config.unlabeled_batch, "generator_batch": own}
    return mixed_batches(*arrays, **sizes, seed=1, **options)


def state(gan: SSGAN) -> dict[str, np.ndarray]:
    named = {name: np.asarray(variable) for name, variable in gan.state().items()}
    return {name: value.astype(np.float64) for name, value in named.items() if value.dtype.kind == "f"}


def difference(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    weights = [name for name in one if not name.startswith("metric_")]
    return max(float(np.abs(one[name] - other[name]).max()) for name in weights)


def trained(config: Config, strategy: tf.distribute.Strategy) -> tuple[SSGAN, dict[str, float], dict[str, np.ndarray]]:
    gan = make(config, strategy)
    begun = state(gan)
    return gan, gan.fit(batches(config, steps=STEPS), verbose=0, shuffle=False).history, begun


def equality(one, two) -> dict:
    """Trains every case on one device and on two replicas."""
    found = {}
    for name, config in CASES.items():
        (alone, logs, begun), (both, of_both, _) = (trained(config, strategy) for strategy in (one, two))
        figures = max(abs(logs[key][0] - of_both[key][0]) for key in logs)
        counts = [int(np.asarray(gan.train_metrics["d_loss"].count)) for gan in (alone, both)]
        found[name] = {
            "difference": difference(state(alone), state(both)),
            "moved": difference(begun, state(alone)),
            "figures": figures,
            "counts": counts,
        }
    return found


def ways_to_train(one, two) -> dict:
    """Gives the same labelled rows in three ways, and tests and predicts on two replicas."""
    config = CASES["paper"]
    plain, reading, by_batch = (make(config, two, unlabeled_start=9) for _ in range(3))
    with mock.patch.object(SSGAN, "_maybe_symbolic_build") as build:  # of Keras' own, which would average rows
        plain.fit(batches(config, steps=1), epochs=2, verbose=0, shuffle=False)
    read = two.distribute_datasets_from_function(lambda context: batches(config, input_context=context))
    reading.asking = lambda: [1.0, 0.0, 2.0]
    reading.fit(read, steps_per_epoch=2, verbose=0, shuffle=False)
    for batch in [*batches(config, steps=1)] * 2:
        by_batch.train_on_batch({role: np.asarray(rows) for role, rows in batch.items()})
    alone = make(config, one)
    alone.set_weights(plain.get_weights())
    test = {"batch_size": 5, "verbose": 0, "return_dict": True}
    model = alone.discriminator
    spread = Workers(two, None).spread(lambda some: model(tf.cast(some, tf.float32), training=False)[0], batch_size=4)
    expected = model(IMAGES[:7].astype(np.float32), training=False)[0].numpy()
    return {
        "by batch": difference(state(plain), state(by_batch)),
        "symbolic builds": build.call_count,
        "one epoch": plain.step,
        "read": int(reading.step),
        "answer": reading.answer.tolist(),
        "errors": [gan.evaluate(IMAGES[:11], LABELS[:11], **test) for gan in (plain, alone)],
        "spread": float(np.abs(spread(IMAGES[:7]) - expected).max()),
    }


def parts(one, two) -> dict:
    """Computes the functions that need all replicas beside the whole batch on one device."""
    rows = tf.random.stateless_normal([6, 5], [1, 2])
    weights = tf.random.stateless_normal([6, 5], [3, 4])
    norm = layers.BatchNormalization()
    norm.build((None, 5))
    generator = keras.random.SeedGenerator(3)
    with two.scope():
        seeds = replicas.OwnSeeds(keras.random.SeedGenerator(3))
        shared, far = layers.BatchNormalization(), layers.BatchNormalization(momentum=0.0)
        for layer in (shared, far):
            layer.build((None, 5))
        figures = Figures(["rows", "scalar"])
        common = keras.random.SeedGenerator(4)

    def normalized(layer, some, their_weights):
        with tf.GradientTape() as tape:
            tape.watch(some)
            value = tf.reduce_sum(their_weights * tf.square(layer(some, training=True)))
        return tape.gradient(value, some)

    @tf.function
    def on_each():
        def of_replica():
            own, own_weights = replicas.own_rows(rows), replicas.own_rows(weights)
            some = own[: 1 + replicas.number()]  # one row here, two there
            far(1000.0 + own / 10, training=True)
            probe = chance.of_images(keras.random.normal, [3, 5], replicas.OwnSeeds(common))
            figures.begin()
            figures.update("rows", some[:, 0])
            figures.update("scalar", own[0, 0])
            return {
                "gathered": replicas.gather(own),
                "nearness": nearness(tf.reshape(own, [3, 5, 1]), replicas.gather(tf.reshape(own, [3, 5, 1]))),
                "masked": terms.masked_mean(own[:, 0], own[:, 0] > 0),
                "normalized": normalized(shared, own, own_weights),
                "seed": seeds.next(),
                "probe": probe,
                "empty": mean(tf.zeros([0])),
                "figures": figures.means(),
            }

        return {name: two.experimental_local_results(one) for name, one in two.run(of_replica).items()}

    found = {
        name: [tf.nest.map_structure(lambda one: one.numpy(), some) for some in both]
        for name, both in ((name, values) for name, values in on_each().items())
    }
    woven = lambda pair: np.stack(pair, axis=1).reshape(6, -1)  # noqa: E731
    positive = rows[:, 0].numpy()[rows[:, 0].numpy() > 0]
    seen = np.array([rows[0, 0], rows[1, 0], rows[3, 0]])
    return {
        "gathered": float(np.abs(np.array(found["gathered"]) - rows.numpy()).max()),
        "nearness": float(np.abs(woven(found["nearness"]) - nearness(tf.reshape(rows, [6, 5, 1])).numpy()).max()),
        "probe": float(
            np.abs(woven(found["probe"]) - keras.random.normal([6, 5], seed=keras.random.SeedGenerator(4))).max()
        ),
        "empty": float(np.abs(found["empty"]).max()),
        "far": float(np.abs(100 * np.asarray(far.moving_variance) / np.var(rows, axis=0, ddof=1) - 1).max()),
        "masked": abs(float(np.mean(found["masked"])) - float(positive.mean())),
        "normalized": float(np.abs(woven(found["normalized"]) - normalized(norm, rows, weights).numpy()).max()),
        "moving": max(
            float(np.abs(np.asarray(one) - np.asarray(other)).max())
            for one, other in zip(shared.weights, norm.weights, strict=True)
        ),
        "seeds": [np.asarray(seed).tolist() for seed in [*found["seed"], generator.next()]],
        "figures": [
            float(found["figures"][0]["rows"] - seen.mean()),
            float(found["figures"][0]["scalar"] - rows[:2, 0].numpy().mean()),
        ],
    }


def refusals(one, two) -> dict[str, str]:
    """Returns in which words what would not be trained as on one device is refused."""

    def compiled(trunk=None, clipnorm=None, generated=4, scope=two, d_terms=None):
        with two.scope():
            gan = SSGAN(Discriminator(CLASSES, trunk=trunk), Generator(SHAPE, width=1, latent_dim=4))
        with scope.scope():
            optimizers = keras.optimizers.SGD(0.1, clipnorm=clipnorm), keras.optimizers.SGD(0.1)
            gan.compile(*optimizers, generated_batch=generated, d_terms=d_terms, unlabeled_start=1)
        return gan

    normed = keras.Sequential([keras.Input(SHAPE), keras.layers.Conv2D(2, 3), keras.layers.BatchNormalization()])
    wrapped = keras.Sequential([keras.Input(SHAPE), keras.layers.TimeDistributed(keras.layers.BatchNormalization())])
    arrays = IMAGES[:8], np.where(MASK[:8], LABELS[:8], -1)
    data = tf.data.Dataset.from_tensor_slices(arrays)
    tries = {
        "plain batch norm": lambda: compiled(trunk=normed),
        "wrapped batch norm": lambda: compiled(trunk=wrapped),
        "clipnorm": lambda: compiled(clipnorm=1.0),
        "generated_batch": lambda: compiled(generated=5),
        "scope": lambda: compiled(scope=tf.distribute.get_strategy()),
        "arrays": lambda: compiled().fit(*arrays, verbose=0),
        "batch": lambda: compiled().fit(data.batch(3, drop_remainder=True), verbose=0),
        "unknown size": lambda: compiled().fit(data.batch(3), verbose=0),
        "unknown length": lambda: compiled().fit(data.filter(lambda *_: True).batch(4, True), verbose=0),
        "labels of a stream": lambda: compiled().fit(data.batch(4, True), verbose=0),
        "mixed_batches": lambda: two.distribute_datasets_from_function(
            lambda context: mixed_batches(
                IMAGES, LABELS, MASK, labeled_batch=3, unlabeled_batch=4, seed=0, input_context=context
            )
        ),
    }
    found = {}
    for name, tried in tries.items():
        try:
            tried()
            found[name] = "nothing"
        except UsageError as error:
            found[name] = str(error)
    return found


def main() -> None:
    """Prints what was found."""
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
    architectures.ARCHITECTURES.update(small=tiny, article=lambda dtype: [*tiny(dtype), layers.BatchNormalization()])
    one, two = tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    found = {}
    for name, look in {"parts": parts, "refusals": refusals, "ways": ways_to_train, "equality": equality}.items():
        found[name] = look(one, two)
        print(name, time.process_time(), file=sys.stderr)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
