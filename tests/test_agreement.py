"""What workers agree on, by two of them in two threads whose sums are added: no process is started."""

import signal
import threading
import time
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from ssgan import workers as working
from ssgan.cluster import Cluster
from ssgan.errors import Stopped, UsageError
from ssgan.training.callbacks import Agreed
from ssgan.workers import Workers


def of_two(act):
    """Returns what each of two workers returned or raised."""
    sums, barrier, found = {}, threading.Barrier(2, timeout=10), [None, None]

    def run(index):
        workers = Workers(tf.distribute.get_strategy(), Cluster(workers=("a:1", "b:1"), index=index))

        def total(values):
            sums[index] = values
            barrier.wait()
            added = sums[0] + sums[1]
            barrier.wait()
            return added

        workers.total = total
        try:
            found[index] = act(workers)
        except Exception as error:  # which is what is looked at
            found[index] = error

    threads = [threading.Thread(target=run, args=[index]) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def several():
    return Workers(tf.distribute.get_strategy(), Cluster(workers=("a:1", "b:1"), index=1))


@pytest.mark.parametrize("kind", ["Unavailable", "Internal", "Cancelled", "Unknown", "NotFound", "FailedPrecondition"])
def test_an_error_of_tensorflow_among_several_is_one_line_with_its_own_words(kind):
    error = getattr(tf.errors, f"{kind}Error")(None, None, "its own words\nAdditional: a long trace")
    told = f"or an operation failed here \\({kind}Error: its own words\\); go on with: this$"
    with pytest.raises(Stopped, match=told) as stopped, several().lost_in_words("go on with: this"):
        raise error
    assert stopped.value.status == 1
    alone = Workers(tf.distribute.get_strategy(), None)
    with pytest.raises(type(error)), alone.lost_in_words("go on with: this"):
        raise error


def test_the_command_to_go_on_names_workers_that_tf_config_does_not(monkeypatch):
    plain = "python -m ssgan.train --resume --run_dir=run"
    monkeypatch.setenv("TF_CONFIG", "{}")
    assert several().how_to_go_on("run") == f"go on with, on every worker: {plain}"
    monkeypatch.delenv("TF_CONFIG")
    assert several().how_to_go_on("run") == f"go on with, on every worker: {plain} --distribute=multi_worker"
    assert Workers(tf.distribute.get_strategy(), None).how_to_go_on("run") == f"go on with: {plain}"


def test_workers_that_cannot_be_connected_are_one_line(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", Cluster(workers=("a:1", "b:1"), index=1).as_tf_config())
    refused = tf.errors.UnknownError(None, None, "Could not start gRPC server")
    with mock.patch.object(working, "_of_workers", side_effect=refused), pytest.raises(Stopped) as stopped:
        working.start("auto")
    assert str(stopped.value).startswith(
        "the workers cannot be connected (UnknownError: Could not start gRPC server); expected b:1 to be a free port"
    )
    assert stopped.value.status == 1


def test_the_chiefs_value_is_that_of_all():
    assert of_two(lambda workers: workers.from_chief(["ü", 1] if workers.is_chief else "mine")) == [["ü", 1], ["ü", 1]]


def test_workers_that_begin_otherwise_are_refused_on_every_worker_with_what_differs():
    alike = {"options": {"seed": 1}, "onednn": True, "keras": "3"}
    assert of_two(lambda workers: workers.check_alike(alike)) == [None, None]
    other = {**alike, "onednn": False, "keras": "4"}
    for error in of_two(lambda workers: workers.check_alike(alike if workers.is_chief else other)):
        assert isinstance(error, UsageError)
        assert str(error) == "worker 1 has another onednn, keras than worker 0; expected the same on all of them"


@pytest.mark.parametrize(
    ("name", "by", "tolerance", "is_told"),
    [
        ("weights", 1e-6, 0.0, True),
        ("weights", 1e-6, 1e-3, False),
        ("weights", 0.1, 1e-3, True),
        ("seed", 1, 1e-3, True),
        ("weights", np.nan, 1e-3, True),
    ],
)
def test_a_worker_whose_variables_are_no_longer_those_of_the_chief_stops_all(name, by, tolerance, is_told):
    state = {"seed": np.array([3, 40_000_000], np.uint32), "weights": np.linspace(-1, 1, 8)}

    def check(workers):
        own = dict(state) if workers.is_chief else {**state, name: state[name] + np.asarray(by, state[name].dtype)}
        workers.check_state(own, 7, tolerance=tolerance)

    assert of_two(lambda workers: workers.check_state(state, 7, tolerance=0.0)) == [None, None]
    found = of_two(check)
    assert list(map(str, found)) == [f"worker 1 has another {name} than worker 0 at step 7" if is_told else "None"] * 2
    assert not is_told or all(isinstance(error, Stopped) and error.status == 1 for error in found)


def test_a_state_that_is_nowhere_finite_is_for_others_to_say():
    nowhere = {"weights": np.array([np.nan, 1.0])}
    assert of_two(lambda workers: workers.check_state(nowhere, 7, tolerance=0.0)) == [None, None]


def test_an_exchange_that_waits_for_ever_ends_the_process_once_all_have_begun(monkeypatch, capsys):
    ended = threading.Event()
    monkeypatch.setattr(working, "LONG_LIMIT", 0.2)
    monkeypatch.setattr(working.end_after, "__kwdefaults__", {"end": lambda status: ended.set()})
    workers = several()
    workers._total = lambda values: time.sleep(0.5) or tf.concat([values[:0], values], 0)
    with workers.lost_in_words("go on with: this"):
        workers.total(np.zeros(2))
        assert not ended.is_set()  # before that, it waits for those who read images
        workers.check_alike({})
        workers.total(np.zeros(2))
    assert ended.is_set() and "stopped: another worker is stuck; go on with: this\n" in capsys.readouterr().err


def test_a_callback_that_stops_the_training_on_one_worker_stops_that_of_all_one_step_later():
    models = [SimpleNamespace(stop_training=False, answer=None) for _ in range(2)]
    both = [Agreed(SimpleNamespace(received=None)) for _ in models]

    def step():
        answer = np.sum([model.asking() for model in models], axis=0)
        for model, agreed in zip(models, both, strict=True):
            model.answer = answer
            agreed.on_train_batch_end(0)
        return [model.stop_training for model in models]

    for model, agreed in zip(models, both, strict=True):
        agreed.set_model(model)
        agreed.on_train_begin()
    assert step() == [False, False]
    models[1].stop_training = True
    assert step() == [False, False]  # the other does not know it yet
    assert step() == [True, True]
    both[1]._own.received = signal.SIGTERM
    step()
    assert [agreed.received for agreed in both] == [signal.SIGTERM] * 2
