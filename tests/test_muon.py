"""Muon changes the kernels of convolutions as its formula says, and all else as Adam does."""

import keras
import numpy as np
import pytest

import ssgan
from ssgan.muon import ConvMuon


def variables(random, *shapes):
    return [keras.Variable(random.normal(size=shape), dtype="float32") for shape in shapes]


def orthogonalized(matrix: np.ndarray, steps: int) -> np.ndarray:
    """Newton-Schulz iterations with the published coefficients, in float64."""
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    wide = wide / np.linalg.norm(wide)
    for _ in range(steps):
        gram = wide @ wide.T
        wide = 3.4445 * wide + (-4.7750 * gram + 2.0315 * gram @ gram) @ wide
    return wide.T if matrix.shape[0] > matrix.shape[1] else wide


@pytest.mark.parametrize(("shape", "nesterov"), [((3, 3, 8, 16), True), ((1, 1, 8, 16), True), ((3, 3, 8, 16), False)])
def test_two_steps_are_those_of_the_formula(shape, nesterov):
    random = np.random.default_rng(0)
    (kernel,) = variables(random, shape)
    optimizer = ConvMuon(0.01, kernel_rate=3.0, momentum=0.8, ns_steps=2, nesterov=nesterov)
    expected, momentum = kernel.numpy().astype(float), np.zeros(shape)
    for _ in range(2):
        gradient = random.normal(size=shape).astype(np.float32)
        momentum = 0.8 * momentum + gradient
        matrix = (gradient + 0.8 * momentum if nesterov else momentum).reshape(-1, shape[-1])
        size = 0.2 * np.sqrt(max(matrix.shape))
        expected -= 0.03 * size * orthogonalized(matrix, 2).reshape(shape)
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [kernel])
    np.testing.assert_allclose(kernel.numpy(), expected, rtol=0, atol=2e-6)


def test_a_kernel_changes_by_as_much_in_every_direction():
    random = np.random.default_rng(1)
    (kernel,) = variables(random, (3, 3, 16, 32))
    before = kernel.numpy()
    gradient = random.normal(size=kernel.shape) * np.logspace(-1.5, 0, 32)  # some filters by far more than others
    ConvMuon(1e-3).apply([keras.ops.convert_to_tensor(gradient, "float32")], [kernel])
    change = (kernel.numpy() - before).reshape(-1, 32)
    assert np.linalg.cond(gradient.reshape(-1, 32)) > 30 > 5 > np.linalg.cond(change)
    assert np.sqrt(np.square(change).mean()) == pytest.approx(4e-3 * 0.2, rel=0.3)


def test_all_else_is_left_to_adam():
    random = np.random.default_rng(2)
    shapes = (3, 3, 3, 8), (8,), (16, 10), ()  # the first convolution, biases, a dense layer, a scale
    muon, adam = variables(random, *shapes), []
    adam = [keras.Variable(one.numpy()) for one in muon]
    optimizers = ConvMuon(1e-3), keras.optimizers.Adam(1e-3, beta_1=0.5)
    for _ in range(3):
        gradients = [keras.ops.convert_to_tensor(random.normal(size=shape), "float32") for shape in shapes]
        for optimizer, these in zip(optimizers, (muon, adam), strict=True):
            optimizer.apply(gradients, these)
    for one, other in zip(muon, adam, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-6, atol=1e-7)


def test_excluded_layers_are_left_to_adam_and_weights_decay_by_the_learning_rate():
    random = np.random.default_rng(2)
    kernels = [keras.Variable(np.ones((3, 3, 8, 8), "float32"), name=name) for name in ("kernel", "kernel_of_the_head")]
    gradient = keras.ops.convert_to_tensor(random.normal(size=(3, 3, 8, 8)), "float32")
    ConvMuon(1e-3, exclude_layers=["head"]).apply([gradient, gradient], kernels)
    changes = [abs(one.numpy() - 1) for one in kernels]
    np.testing.assert_allclose(changes[1], 1e-3, rtol=1e-3)  # Adam's first step
    assert changes[0].std() > 1e-4
    still = keras.Variable(np.ones((3, 3, 8, 8), "float32"))
    ConvMuon(0.1, weight_decay=0.2).apply([keras.ops.zeros((3, 3, 8, 8))], [still])
    np.testing.assert_allclose(still.numpy(), 1 - 0.1 * 0.2, rtol=1e-6)


def compiled(schedule) -> ssgan.SSGAN:
    keras.utils.set_random_seed(3)
    gan = ssgan.SSGAN(ssgan.Discriminator(3, arch="tiny"), ssgan.Generator((16, 16, 1), width=1, latent_dim=2))
    gan.compile(ConvMuon(schedule), keras.optimizers.Adam(1e-3, 0.5), generated_batch=4, run_eagerly=True)
    return gan


def test_a_training_goes_on_to_the_bit_and_is_saved_whole(tmp_path):
    random = np.random.default_rng(4)
    images, labels = random.integers(0, 256, (4, 16, 16, 1), np.uint8), np.array([0, 1, 2, -1])
    schedule = ssgan.schedules.ConstantThenLinear(1e-3, total_steps=8, decay_start=0.5)
    straight, stopped = compiled(schedule), compiled(schedule)
    for gan, steps in ((straight, 4), (stopped, 2)):
        for _ in range(steps):
            gan.train_on_batch(images, labels)
    resumed = compiled(schedule)
    resumed.restore({name: value.numpy() for name, value in stopped.state().items()})
    for _ in range(2):
        resumed.train_on_batch(images, labels)
    expected, found = straight.state(), resumed.state()
    momenta = [name for name in found if name.startswith("d_optimizer") and name.endswith("/momentum")]
    of_kernels = [name for name in momenta if name.replace("momentum", "velocity") not in found]
    assert len(of_kernels) == 5 and all(name.endswith("direction/momentum") for name in of_kernels)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name].numpy(), value.numpy(), err_msg=name)
    straight.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras").d_optimizer
    assert type(loaded) is ConvMuon and loaded.get_config() == straight.d_optimizer.get_config()
