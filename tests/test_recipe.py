import numpy as np
import pytest

from ssgan.options import Config
from ssgan.training import build as recipe


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({}, 1600),
        ({"unlabeled_start": 0.0}, 0),
        ({"unlabeled_start": 1.0}, 8000),
        ({"labels": 0}, 0),
        ({"batching": "masked"}, 0),
        ({"gan_weight": 0.0}, 1600),
        ({"gan_weight": 0.0, "pseudo_label_weight": 0.0}, 0),
        ({"gan_weight": 0.0, "pseudo_label_weight": 0.0, "vat_weight": 1.0}, 1600),
        ({"gan_weight": 0.0, "pseudo_label_weight": 0.0, "consistency_term_weight": 1.0}, 1600),
    ],
)
def test_labels_come_first_where_a_batch_has_both_labelled_and_unlabelled_rows(options, steps):
    config = Config(precision="float32", **options)
    assert recipe.unlabeled_start(config, steps=8000) == steps
    gan = recipe.build(config, image_shape=(16, 16, 1), num_classes=2, steps=8000)
    assert gan.phases.unlabeled_start == steps


@pytest.mark.parametrize("options", [{}, {"d_steps": 3}, {"updates": "alternating", "gan_every": 3}, {"labels": 0}])
def test_both_learning_rates_fall_together(options):
    config = Config(precision="float32", decay_start=0.6, generated_batch=2, unlabeled_start=0.34, **options)
    gan = recipe.build(config, image_shape=(16, 16, 1), num_classes=2, steps=50)
    every = gan.phases.gan_every * config.d_steps
    updates = [number for number in range(gan.phases.unlabeled_start, 50) if number % every == 0]
    rates = [float(gan.g_optimizer._learning_rate(update)) for update in range(len(updates))]
    np.testing.assert_allclose(rates, [float(gan.d_optimizer._learning_rate(number)) for number in updates], rtol=1e-5)
    assert rates[0] == pytest.approx(1e-3) and rates[-1] < 3e-4


def test_the_generator_may_have_a_rate_of_its_own():
    config = Config(precision="float32", learning_rate=2e-3, generator_learning_rate=5e-4, unlabeled_start=0.0)
    gan = recipe.build(config, image_shape=(16, 16, 1), num_classes=2, steps=8)
    rates = [float(optimizer._learning_rate(0)) for optimizer in (gan.d_optimizer, gan.g_optimizer)]
    assert rates == pytest.approx([2e-3, 5e-4])


@pytest.mark.parametrize("labels", [0, 1000])
def test_a_plain_gan_has_no_terms_of_the_classes(labels):
    vat_weight = 3.0 if labels else 0.0
    config = Config(precision="float32", labels=labels, pseudo_label_weight=2.0, vat_weight=vat_weight, vat_radius=0.25)
    gan = recipe.build(config, image_shape=(16, 16, 1), num_classes=2, steps=10)
    found = {term.name: term.get_config() for term in gan.d_terms}
    of_classes = {"supervised", "pseudo_labels", "virtual_adversarial"}
    assert found.keys() - {"adversarial"} == (of_classes if labels else set())
    if labels:
        assert found["pseudo_labels"]["weight"] == 2.0
        assert found["virtual_adversarial"] == {"weight": 3.0, "radius": 0.25}


@pytest.mark.parametrize("normalization", ["weight", "spectral", "none"])
def test_the_option_normalises_the_discriminator(normalization):
    config = Config(precision="float32", arch="tiny", normalization=normalization)
    gan = recipe.build(config, image_shape=(16, 16, 1), num_classes=2, steps=8)
    assert gan.discriminator.get_config()["normalization"] == normalization
    assert gan.ema_discriminator.get_config()["normalization"] == normalization
