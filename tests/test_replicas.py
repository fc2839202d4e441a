"""Two replicas compute what one device does; `tests/two_replicas.py` trains in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ssgan.errors import UsageError
from ssgan.options import Config
from ssgan.training.build import check_batches

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def found():
    done = subprocess.run([sys.executable, "-m", "tests.two_replicas"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("case", ["default", "paper", "article"])
def test_three_steps_end_in_the_weights_of_one_device(found, case):
    trained = found["equality"][case]
    assert trained["moved"] > 1e-3  # of what does not move, nothing is shown
    assert trained["difference"] <= 1e-6
    assert trained["figures"] <= 2e-5 and trained["counts"] == [3, 3]


@pytest.mark.parametrize("part", ["gathered", "nearness", "masked", "normalized", "moving", "probe", "empty"])
def test_a_part_is_that_of_the_whole_batch(found, part):
    assert found["parts"][part] < 2e-6


def test_a_variance_is_exact_where_the_mean_is_far_from_zero(found):
    assert found["parts"]["far"] < 0.01  # of float32 rows around 1,000 with a deviation of 0.1


def test_a_batch_of_pairs_names_replicas_and_pairs():
    told = "--generated_batch=6 on 2 replicas, which are to have as many pairs of rows each; expected a multiple of 4, "
    with pytest.raises(UsageError, match=f"^{told}such as 4 or 8$"):
        check_batches(Config(generated_batch=6, mode_seeking_weight=0.3), 2)
    check_batches(Config(generated_batch=6, mode_seeking_weight=0.3), 1)
    check_batches(Config(generated_batch=6, mode_seeking_weight=0.0), 2)


def test_figures_are_means_over_the_rows_of_all_replicas_however_many_each_has(found):
    assert max(map(abs, found["parts"]["figures"])) < 1e-6


def test_dropout_differs_between_the_replicas_and_not_from_one_device(found):
    first, second, alone = found["parts"]["seeds"]
    assert first != second and alone not in (first, second)


def test_batches_are_cut_alike_whoever_cuts_them(found):
    ways = found["ways"]
    assert ways["one epoch"] == ways["read"] == 2
    assert ways["by batch"] == 0.0
    assert ways["answer"] == [2.0, 0.0, 4.0]  # of what each worker asked, here on both


def test_keras_still_asks_for_a_symbolic_build_which_must_do_nothing(found):
    assert found["ways"]["symbolic builds"] == 1


def test_errors_and_predictions_are_those_of_one_device(found):
    both, alone = found["ways"]["errors"]
    assert both == pytest.approx(alone, abs=1e-6) and set(both) == {"error", "raw_error"}
    assert found["ways"]["spread"] < 1e-6


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("plain batch norm", "synchronized=True"),
        ("wrapped batch norm", "synchronized=True"),
        ("clipnorm", "clipnorm=1.0 of an optimizer"),
        (
            "generated_batch",
            "generated_batch=5 on 2 replicas, which are to have as many rows each",
        ),
        ("scope", "`with strategy.scope():`"),
        ("arrays", "fit was given a ndarray on 2 replicas; expected a tf.data.Dataset"),
        (
            "batch",
            "expected a multiple of 2, such as 2 or 4",
        ),
        ("unknown size", "drop_remainder=True"),
        ("unknown length", "steps_per_epoch=500"),
        ("labels of a stream", "unlabeled_start=0"),
        ("mixed_batches", "labeled_batch=3 on 2 replicas"),
    ],
)
def test_what_would_not_be_trained_as_on_one_device_is_refused(found, what, words):
    assert words in found["refusals"][what]
