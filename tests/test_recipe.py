import pytest

from ssgan import recipe
from ssgan.config import Config


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({}, 2400),
        ({"unlabeled_start": 0.0}, 0),
        ({"unlabeled_start": 1.0}, 8000),
        ({"labels": 0}, 0),
        ({"batching": "masked"}, 0),
        ({"unsupervised_weight": 0.0}, 2400),
        ({"unsupervised_weight": 0.0, "consistency_weight": 0.0}, 0),
        ({"unsupervised_weight": 0.0, "consistency_weight": 0.0, "vat_weight": 1.0}, 2400),
    ],
)
def test_labels_come_first_where_a_batch_has_both_labelled_and_unlabelled_rows(options, steps):
    config = Config(precision="float32", **options)
    assert recipe.unlabeled_start(config, steps=8000) == steps
    gan = recipe.build(config, image_shape=(16, 16, 1), num_classes=2, steps=8000)
    assert gan.unlabeled_start == steps
    # Its learning rate is 0 when the last of its updates is done.
    updates = max(1, -(-(8000 - steps) // gan.gan_every))
    assert gan.g_optimizer.learning_rate == 1e-3
    gan.g_optimizer.iterations.assign(updates)
    assert gan.g_optimizer.learning_rate == 0.0


@pytest.mark.parametrize("labels", [0, 1000])
def test_a_plain_gan_has_no_terms_of_the_classes(labels):
    config = Config(precision="float32", labels=labels, consistency_weight=2.0, vat_weight=3.0, vat_radius=0.25)
    gan = recipe.build(config, image_shape=(16, 16, 1), num_classes=2, steps=10)
    assert (gan.consistency_weight, gan.vat_weight) == ((2.0, 3.0) if labels else (0.0, 0.0))
    assert gan.vat_radius == 0.25
