"""Tests of what the scripts that time training steps count with; peers need environments of their own."""

import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from experiments.common import processes, results
from experiments.peers import bench
from experiments.robustness import fuzz
from experiments.speed import shapes, ssgan_step, variant_step, variants
from ssgan.options import Config
from ssgan.training import build as recipe

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


def test_operations_of_a_training_by_its_kinds_of_step():
    critic = shapes.discriminator("small")
    forward, first = sum(layer.flop(1) for layer in critic), critic[0].flop(1)
    labels = 50 * (3 * forward - first)
    classes = 100 * (3 * forward - first) + 50 * forward
    options = Config(gan_every=2)
    both = sum(work.flop for work in shapes.step_work(options))
    assert shapes.training_flop(options, 10, begun=3) == 3 * labels + 4 * classes + 3 * both  # 4, 6 and 8
    assert shapes.training_flop(options, 2, begun=3) == 2 * labels
    assert shapes.training_flop(Config(gan_weight=0), 10, begun=3) == 3 * labels + 7 * classes
    supervised = Config(gan_weight=0, pseudo_label_weight=0)
    assert shapes.training_flop(supervised, 10, begun=0) == 10 * labels
    with pytest.raises(ValueError, match="mixed batching"):
        shapes.training_flop(Config(vat_weight=1), 10, begun=0)


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


@pytest.mark.parametrize("script", ["peers.bench", "speed.costs", "speed.exports", "speed.variants"])
def test_the_help_needs_no_tensorflow(script):
    command = [sys.executable, "-X", "importtime", "-m", f"experiments.{script}", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "--rounds" in done.stdout
    assert "tensorflow" not in done.stderr and "matplotlib" not in done.stderr


def test_the_commit_is_dirty_where_code_differs_but_not_by_results(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    assert results.commit(tmp_path) == "unknown"
    for name in ("ssgan/a.py", "experiments/results/a.json", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("as committed")
    git("init", "-q")
    assert results.commit(tmp_path) == "unknown"
    git("add", ".")
    git("commit", "-qm", "All")
    clean = results.commit(tmp_path)
    assert len(clean) == 40 and not set(clean) - set("0123456789abcdef")
    for name in ("experiments/results/a.json", "experiments/results/new.json", "notes.txt"):
        (tmp_path / name).write_text("changed")
    assert results.commit(tmp_path) == clean
    (tmp_path / "ssgan" / "new.py").write_text("untracked")
    assert results.commit(tmp_path) == clean + "-dirty"


MACHINE = {"processor": "P", "cores": 2, "gpu": "none"}


def fake_report(module, options, *, python=None):
    """What a measured process would print."""
    about = {"precision": "float32"}
    own = {"seed": 7, "precision": "float32"}
    report = {"seconds": [1.0] * 10, "rows": 5, "peak_mib": 1, "about": about, "options": own, "hardware": MACHINE}
    floor = {"seconds": 1.0, "gflop": 2.0, "peak_gflop_per_second": 3.0, "work": []}
    return {"common.images": {"dataset": "images", "about": MACHINE}, "speed.floor": floor}.get(module, report)


def test_a_comparison_says_what_it_was_run_with_and_leaves_the_other_results(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "run", fake_report)
    monkeypatch.setattr(results, "commit", lambda: "c0ffee")
    output = tmp_path / "bench.json"
    gone = {"median_seconds": [9.0], "images_per_second": 1.0, "peak_mib": 2, "about": {}}
    rows = {"tools": {"a removed tool": gone}, "ratios": {"a removed tool / ssgan simultaneous": {"median": 9.0}}}
    article = {"title": "t", "commit": "old", **rows, "floor": {"seconds": [1.0]}}
    output.write_text(json.dumps({"agreement": {"largest_relative_error": 1e-6}, "comparisons": {"article": article}}))
    flags = ["--rounds=1", "--only", "small", "article", f"--output={output}", f"--work_dir={tmp_path}"]
    monkeypatch.setattr(sys, "argv", ["bench.py", *flags])
    bench.main()
    written = json.loads(output.read_text())
    assert written["agreement"] == {"largest_relative_error": 1e-6}
    small, article = (written["comparisons"][name] for name in ("small", "article"))
    assert (small["commit"], small["hardware"]) == ("c0ffee", MACHINE) and small["date"] and small["command"]
    assert all(tool["options"] == {"seed": 7, "precision": "float32"} for tool in small["tools"].values())
    assert article["tools"]["a removed tool"] == {"measured": {"commit": "old"}, **gone}
    assert article["ratios"]["a removed tool / ssgan simultaneous"]["median"] == 9.0
    assert article["tools"].keys() > bench.COMPARISONS["article"].tools.keys()


def test_a_part_that_another_process_wrote_meanwhile_stays(tmp_path):
    output = tmp_path / "results.json"
    results.put(output, one=1, two=2)
    results.put(output, two=3)
    assert json.loads(output.read_text()) == {"one": 1, "two": 3}


def test_a_variant_that_was_removed_keeps_its_row_and_what_it_was_measured_with(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "run", fake_report)
    monkeypatch.setattr(results, "commit", lambda: "c0ffee")
    output = tmp_path / "variants.json"
    row = {"kept": False, "predicted_gain": 0.1, "gain": 0.2, "gains": [0.2], "seconds": [1.0]}
    small = {"commit": "old", "date": "then", "variants": {"removed": row}}
    output.write_text(json.dumps({"small": small, "article": 1}))
    arguments = Namespace(only=["small"], rounds=2, steps=10, output=output, work_dir=tmp_path)
    monkeypatch.setattr(variants, "parse_arguments", lambda: arguments)
    variants.main()
    written = json.loads(output.read_text())
    assert written["article"] == 1 and written["small"]["variants"].keys() >= {"removed", "XLA"}
    assert written["small"]["variants"]["removed"] == {"measured": {"commit": "old", "date": "then"}, **row}
    small = written["small"]
    assert (small["commit"], small["hardware"], small["options"]["seed"]) == ("c0ffee", MACHINE, 7)


def test_what_was_fuzzed_says_of_which_commit_and_keeps_readers_that_are_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(fuzz, "RESULT", tmp_path / "fuzz.json")
    monkeypatch.setattr(results, "commit", lambda: "c0ffee")
    fuzz.RESULT.write_text(json.dumps({"date": "then", "readers": {"gone": {"tried": 3}}}))
    row = dict.fromkeys(fuzz._COLUMNS.values(), 0) | {"failures": []}
    monkeypatch.setattr(fuzz, "_run_in_process", lambda name, options: row)
    monkeypatch.setattr(sys, "argv", ["experiments/robustness/fuzz.py", "--mutations=20"])
    with pytest.raises(SystemExit, match="False"):
        fuzz.main()
    written = json.loads(fuzz.RESULT.read_text())
    assert (written["commit"], written["command"]) == ("c0ffee", "python -m experiments.robustness.fuzz --mutations=20")
    assert written["hardware"]["cores"] and written["readers"]["gone"] == {"measured": {"date": "then"}, "tried": 3}


def test_the_options_of_a_measured_step_are_complete_and_name_no_folder():
    options = ssgan_step.described(ssgan_step.read_options("svhn_1000", ["--labeled_batch=7", "--data_dir=/somewhere"]))
    assert (options["labeled_batch"], options["total_steps"]) == (7, None) and options["precision"] != "auto"
    assert not {"data_dir", "run_dir"} & options.keys() and json.dumps(options)
