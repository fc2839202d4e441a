"""What workers agree on, by two of them in two threads whose sums are added: no process is started."""

import threading
from unittest import mock

import pytest
import tensorflow as tf

from ssgan import workers as working
from ssgan.cluster import Cluster
from ssgan.errors import Stopped
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


def test_workers_that_cannot_be_connected_are_one_line(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", Cluster(workers=("a:1", "b:1"), index=1).as_tf_config())
    refused = tf.errors.UnknownError(None, None, "Could not start gRPC server")
    with mock.patch.object(working, "_of_workers", side_effect=refused), pytest.raises(Stopped) as stopped:
        working.start("auto")
    assert str(stopped.value).startswith(
        "the workers cannot be connected (UnknownError: Could not start gRPC server); expected b:1 to be a free port"
    )
    assert stopped.value.status == 1
