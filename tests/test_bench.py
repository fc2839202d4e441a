"""Tests of what `experiments/bench.py` counts with; its peers need environments of their own."""

import subprocess
import sys
from pathlib import Path

import pytest
from bench_steps import shapes, ssgan_step

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


@pytest.mark.parametrize("script", ["bench", "costs"])
def test_the_help_needs_no_tensorflow(script):
    command = [sys.executable, "-X", "importtime", f"experiments/{script}.py", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "--rounds" in done.stdout
    assert "tensorflow" not in done.stderr and "matplotlib" not in done.stderr
