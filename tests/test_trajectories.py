"""Twenty steps of four recipes end as they did before, three since version 0.2.0: moving code does not move weights.

`python -m tests.test_trajectories` wrote `tests/golden/trajectories.json`, in float32 and deterministic; it is written
again only when the mathematics of a recipe is changed on purpose. At a usual learning rate the last digits, in which
processors differ, would be those of the percents after twenty steps; at this one they stay the fourth.
"""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssgan.data import ImageSet, labels
from ssgan.options import Config
from ssgan.training import build as recipe

GOLDEN = Path(__file__).parent / "golden" / "trajectories.json"
STEPS = 20
SMALL = {
    "labels": 20,
    "labeled_batch": 8,
    "unlabeled_batch": 10,
    "generated_batch": 6,
    "precision": "float32",
    "learning_rate": 3e-5,
}
EARLIER = {  # the defaults of version 0.2.0, where they were others
    **{"conditional": False, "latent": "uniform", "generator_width": 16, "gan_views": "strong"},
    **{"mode_seeking_weight": 0.0, "optimizer": "adam", "generator": "dcgan"},
}
PLAIN = {"shift": 0, "augment": "none", "pseudo_label_weight": 0.0, "gan_every": 1, "pooling": "average"}
RECIPES = {
    "default": Config(**SMALL),
    "default of version 0.2.0": Config(
        **SMALL,
        **EARLIER,
        gan_weight=0.1,
        gan_every=4,
        unlabeled_start=0.3,
        vat_weight=0.5,
    ),
    "paper": Config(
        **SMALL,
        **EARLIER,
        **PLAIN,
        arch="paper_svhn",
        updates="alternating",
        unlabeled_start=0.0,
        gan_weight=1.0,
    ),
    "article": Config(
        **SMALL,
        **EARLIER,
        **PLAIN,
        arch="article",
        batching="masked",
        label_strategy="first",
        unlabeled_start=0.0,
        gan_weight=2.0,
        label_smoothing=0.1,
    ),
}


def images() -> ImageSet:
    """Returns 100 images whose classes differ in colour, under noise."""
    random = np.random.RandomState(0)
    numbers = np.arange(100) % 10
    colors = random.randint(0, 206, (10, 1, 1, 3))[numbers]
    pixels = colors + random.randint(0, 50, (100, 32, 32, 3))
    return ImageSet(
        name="noise",
        split="train",
        source="a test",
        synthetic=True,
        images=pixels.astype(np.uint8),
        labels=numbers.astype(np.int32),
        class_names=tuple("abcdefghij"),
    )


def trajectory(config: Config) -> dict[str, list[float]]:
    """Returns the two losses of each step, and the mean size of the weights at the end."""
    keras.utils.set_random_seed(0)
    found = images()
    mask = labels.label_mask(found.labels, config.labels, 0, config.label_strategy)
    gan = recipe.build(config, image_shape=(32, 32, 3), num_classes=10, steps=STEPS)
    gan.initialize_from_data(found.images)
    losses = {"d_loss": [], "g_loss": []}

    class Read(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            for name, values in losses.items():
                values.append(float(logs[name]))
            self.model.reset_metrics()

    batches = recipe.batches(config, found, mask, unlabeled=np.arange(100), steps=STEPS)
    gan.fit(batches, shuffle=False, verbose=0, callbacks=[Read()])
    networks = {"discriminator": gan.discriminator, "generator": gan.generator, "average": gan.ema_discriminator}
    sizes = {
        name: [float(np.mean(np.abs(weight))) for weight in network.get_weights()] for name, network in networks.items()
    }
    return losses | sizes


@pytest.mark.parametrize("name", RECIPES)
def test_the_steps_are_those_of_before(name):
    expected, found = json.loads(GOLDEN.read_text())[name], trajectory(RECIPES[name])
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        np.testing.assert_allclose(found[key], values, rtol=2e-3, atol=1e-5, err_msg=key)


if __name__ == "__main__":
    tf.config.experimental.enable_op_determinism()
    GOLDEN.write_text(json.dumps({name: trajectory(config) for name, config in RECIPES.items()}, indent=1) + "\n")
