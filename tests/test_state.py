"""What a checkpoint calls the variables of a training, and which of them it must have."""

import re

import keras
import numpy as np
import pytest

from ssgan.errors import UsageError
from ssgan.gan import SSGAN
from tests.test_gan import GENERATED, make_batch, make_gan, step


def adam_gan(arch: str = "small") -> SSGAN:
    gan = make_gan(arch=arch)
    gan.compile(keras.optimizers.Adam(1e-3, amsgrad=True), keras.optimizers.SGD(1e-3, 0.9), generated_batch=GENERATED)
    return gan


def arrays(gan: SSGAN) -> dict[str, np.ndarray]:
    return {name: np.array(variable) for name, variable in gan.state().items()}


@pytest.mark.parametrize("arch", ["small", "article"])
def test_names_do_not_depend_on_what_the_process_made_before(arch):
    keras.backend.clear_session()  # as in a new process, layers are numbered from the beginning
    first = list(adam_gan(arch).state())
    make_gan(arch="tiny")
    assert list(adam_gan(arch).state()) == first


def test_a_variable_is_named_after_its_owner_and_its_layer():
    names = adam_gan().state().keys()
    assert {
        "discriminator/weight_norm_conv2d/direction",
        "discriminator/weight_norm_conv2d_6/gain",
        "discriminator/dropout_2/seed_generator_state",
        "ema_discriminator/logits/bias",
        "generator/batch_normalization_3/moving_variance",
        "generator/weight_norm_conv2d_transpose/direction",
        "d_optimizer/iteration",
        "d_optimizer/weight_norm_conv2d/direction/momentum",
        "d_optimizer/weight_norm_conv2d_6/bias/velocity_hat",
        "g_optimizer/dense/kernel/momentum",
        "noise_seed/seed_generator_state",
        "steps_done/steps_done",
        "metric_d_loss/total",
    } <= names
    assert not [name for name in names if re.search(r"/\d", name)]


def test_a_state_with_other_metrics_or_none_is_restored():
    straight, resumed = make_gan(), make_gan()
    step(straight, make_batch())
    step(resumed, make_batch())
    saved = arrays(straight)
    changed = {name: array for name, array in saved.items() if not name.startswith("metric_")}
    changed |= {"metric_d_loss/total": saved["metric_d_loss/total"], "metric_d_loss/count": np.zeros(3, np.float32)}
    resumed.restore({**changed, "metric_of_a_newer_version/total": np.zeros((), np.float32)})
    found = arrays(resumed)
    for name, array in saved.items():
        expected = array if name in changed and name != "metric_d_loss/count" else np.zeros_like(array)
        np.testing.assert_array_equal(found[name], expected, err_msg=name)


@pytest.mark.parametrize("missing", ["noise_seed/seed_generator_state", "discriminator/logits/bias"])
def test_a_state_with_or_without_another_variable_is_refused(missing):
    gan = make_gan()
    saved = arrays(gan)
    array = saved.pop(missing)
    with pytest.raises(UsageError, match=f"the saved state has None for {missing}; this model has .*(float32|int64)"):
        gan.restore(saved)
    with pytest.raises(UsageError, match="the saved state has .* for another/seed; this model has None"):
        gan.restore({**saved, missing: array, "another/seed": array})


def test_the_numbers_of_the_first_version_are_read_by_their_order():
    straight, resumed = adam_gan(), adam_gan()
    step(straight, make_batch())
    numbered: dict[str, np.ndarray] = {}
    for name, array in arrays(straight).items():
        owner = name.split("/")[0]
        number = sum(other.startswith(f"{owner}/") for other in numbered)
        numbered[f"{owner}/{number:03d}"] = array
    resumed.restore(numbered)
    for name, array in arrays(straight).items():
        np.testing.assert_array_equal(arrays(resumed)[name], array, err_msg=name)
