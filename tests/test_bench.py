"""Tests of what `experiments/bench.py` counts with; its peers need environments of their own."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from bench_steps import shapes, ssgan_step, variant_step

from ssgan import recipe

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("config", ["svhn_1000_paper", "svhn_1000_article", "cifar10_4000_paper", "svhn_1000"])
def test_shapes_are_those_of_the_models(config):
    options = ssgan_step.read_options(config, [])
    gan = recipe.build(options, image_shape=(32, 32, 3), num_classes=10, steps=1)
    ssgan_step.check_shapes(gan, options)


def test_operations_of_a_layer_counted_by_hand():
    strided = shapes.Layer("conv", 32, 3, 64, 3, 2)
    assert (strided.output_size, strided.weights) == (16, 3 * 3 * 3 * 64)
    assert strided.flop(rows=2) == 2 * 2 * 16 * 16 * 3 * 3 * 3 * 64
    transposed = shapes.Layer("transposed", 4, 512, 256, 5, 2)
    assert transposed.output_size == 8
    assert transposed.flop(rows=1) == 2 * 4 * 4 * 5 * 5 * 512 * 256
    assert shapes.Layer("conv", 8, 128, 128, 3, 1, "VALID").output_size == 6


def test_operations_of_the_papers_step():
    count = {
        updates: sum(work.flop for work in shapes.step_work(ssgan_step.read_options("svhn_1000_paper", [updates])))
        for updates in ("--updates=alternating", "--updates=simultaneous")
    }
    # 243 MFLOP an image in D, 216 in G; the first layers have no input gradient in their own update.
    assert count["--updates=alternating"] == pytest.approx(376.9e9, rel=1e-3)
    generators_turn = 200 * 243.1e6 + 100 * 216.3e6
    difference = count["--updates=alternating"] - count["--updates=simultaneous"]
    assert difference == pytest.approx(generators_turn, rel=1e-3)


def test_a_transposed_convolution_equals_a_convolution_and_a_pixel_shuffle():
    inputs = tf.random.stateless_normal([2, 4, 6, 3], [1, 2])
    kernel = tf.random.stateless_normal([5, 5, 7, 3], [3, 4])
    expected = tf.nn.conv2d_transpose(inputs, kernel, [2, 8, 12, 7], 2)
    np.testing.assert_allclose(variant_step.transpose_by_pixel_shuffle(inputs, kernel), expected, atol=1e-5)


@pytest.mark.parametrize("size", [3, 5])
def test_a_strided_weight_gradient_equals_products_of_taps(size):
    inputs = tf.random.stateless_normal([2, 8, 8, 3], [1, 2])
    gradient = tf.random.stateless_normal([2, 4, 4, 7], [3, 4])
    expected = tf.raw_ops.Conv2DBackpropFilter(
        input=inputs, filter_sizes=[size, size, 3, 7], out_backprop=gradient, strides=[1, 2, 2, 1], padding="SAME"
    )
    np.testing.assert_allclose(variant_step.weight_gradient_by_taps(inputs, gradient, size), expected, atol=1e-4)


@pytest.mark.parametrize("script", ["bench", "costs", "variants"])
def test_the_help_needs_no_tensorflow(script):
    command = [sys.executable, "-X", "importtime", f"experiments/{script}.py", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "--rounds" in done.stdout
    assert "tensorflow" not in done.stderr and "matplotlib" not in done.stderr
