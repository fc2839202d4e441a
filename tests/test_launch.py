"""Workers by name and number: TF_CONFIG, Slurm, and commands started as several; none of it needs TensorFlow."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ssgan import cluster
from ssgan.errors import UsageError
from ssgan.launch import LaunchConfig, launch

ROOT = Path(__file__).parent.parent
TWO = {"worker": ["a:1", "b:22"]}


def config(workers=TWO, kind="worker", index=0):
    return json.dumps({"cluster": workers, "task": {"type": kind, "index": index}})


def test_tf_config_names_the_workers_and_this_one():
    found = cluster.from_tf_config(config(index=1))
    assert found == cluster.Cluster(workers=("a:1", "b:22"), index=1) and not found.is_chief
    assert cluster.from_tf_config(found.as_tf_config()) == found
    with_chief = {"chief": ["c:3"], **TWO}
    assert cluster.from_tf_config(config(with_chief, "chief")) == cluster.Cluster(
        workers=("c:3", "a:1", "b:22"), index=0
    )
    assert cluster.from_tf_config(config(with_chief, index=1)).index == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("[]", "without a cluster or a task"),
        ('{"cluster": {"worker": ["a:1"]}}', "without a cluster or a task"),
        (config({"worker": ["a:1"], "ps": ["b:1"]}), "with ps in its cluster"),
        (config({"worker": []}), "with the cluster"),
        (config({"worker": "a:1"}), "with the cluster"),
        (config({"chief": ["a:1", "b:1"]}, "chief"), "with the cluster"),
        (config({"worker": ["a"]}), "with the worker 'a'"),
        (config({"worker": [1]}), "with the worker 1"),
        (config({"worker": ["a:0"]}), "with the worker 'a:0'"),
        (config({"worker": ["a:65536"]}), "with the worker 'a:65536'"),
        (config({"worker": ["a:1", "a:1"]}), "named twice"),
        (config(index=2), "with the task"),
        (config(index=-1), "with the task"),
        (config(index=True), "with the task"),
        (config(kind="chief"), "with the task"),
        (config(kind=["worker"]), "with the task"),
    ],
)
def test_a_wrong_tf_config_is_refused_in_one_line(text, words):
    with pytest.raises(UsageError) as refused:
        cluster.from_tf_config(text)
    told = str(refused.value)
    assert words in told and "expected {" in told and "\n" not in told


def slurm(nodes="n[08-10]", tasks="2(x2),1", index="3", job="20005"):
    return {
        "SLURM_STEP_NODELIST": nodes,
        "SLURM_STEP_TASKS_PER_NODE": tasks,
        "SLURM_PROCID": index,
        "SLURM_JOB_ID": job,
    }


def test_slurm_names_a_worker_for_each_task():
    found = cluster.find("multi_worker", slurm())
    assert found.workers == ("n08:20005", "n08:20006", "n09:20005", "n09:20006", "n10:20005")
    assert found.index == 3


@pytest.mark.parametrize("wrong", [{"nodes": "n[1"}, {"tasks": "two"}, {"index": "x"}, {"tasks": "1"}, {"index": "5"}])
def test_another_environment_of_slurm_is_refused(wrong):
    with pytest.raises(UsageError, match="multi_worker.*srun"):
        cluster.find("multi_worker", slurm(**wrong))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a", ["a"]), ("a,b2", ["a", "b2"]), ("r1-n[9-11,3]-i,x", ["r1-n9-i", "r1-n10-i", "r1-n11-i", "r1-n3-i", "x"])],
)
def test_hosts_are_read_as_slurm_writes_them(text, expected):
    assert cluster.hosts(text) == expected


def test_which_workers_an_option_means():
    named = {cluster.TF_CONFIG: config()}
    assert cluster.find("none", named) is None and cluster.find("mirrored", named) is None
    assert cluster.find("auto", named) == cluster.find("multi_worker", named) == cluster.from_tf_config(config())
    assert cluster.find("auto", {}) is None and cluster.find("auto", slurm()) is None
    with pytest.raises(UsageError, match="neither TF_CONFIG nor Slurm"):
        cluster.find("multi_worker", {})


# The launcher

INDEX = "json.loads(os.environ['TF_CONFIG'])['task']['index']"


def python(code):
    return LaunchConfig(workers=3, command=(sys.executable, "-c", code))


def test_each_worker_is_told_of_all(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (
        launch(python(f"import json, os, pathlib; pathlib.Path(str({INDEX})).write_text(os.environ['TF_CONFIG'])")) == 0
    )
    found = [cluster.from_tf_config((tmp_path / str(index)).read_text()) for index in range(3)]
    assert [one.index for one in found] == [0, 1, 2]
    assert len({one.workers for one in found}) == 1 and len(found[0].workers) == 3


@pytest.mark.parametrize(("ends", "status"), [("sys.exit(7)", 7), ("os.kill(os.getpid(), 9)", 137), ("None", 0)])
def test_the_status_is_that_of_a_worker_that_failed(ends, status):
    assert launch(python(f"import json, os, sys\nif {INDEX} == 1: {ends}")) == status


def test_workers_that_do_not_end_after_another_failed_are_ended(monkeypatch):
    monkeypatch.setattr("ssgan.launch._PATIENCE", 0.2)
    begin = time.monotonic()
    assert launch(python(f"import json, os, sys, time\nif {INDEX} == 1: sys.exit(3)\ntime.sleep(60)")) == 3
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize("command", [(), ("no-such-command",)])
def test_a_command_that_cannot_be_started_is_refused(command):
    with pytest.raises(UsageError, match="command"):
        launch(LaunchConfig(workers=2, command=command))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.skipif(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN, reason="under nohup SIGHUP means nothing")
def test_a_signal_to_the_launcher_alone_reaches_every_worker(tmp_path, number):
    code = (
        "import json, os, pathlib, signal, sys, time\n"
        f"index = {INDEX}\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(40 + index))\n"
        "pathlib.Path(str(index)).touch()\n"
        "time.sleep(60)"
    )
    command = [sys.executable, "-m", "ssgan.launch", "--workers=2", "--", sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    launched = subprocess.Popen(command, cwd=tmp_path, env=environment)
    while launched.poll() is None and len(list(tmp_path.iterdir())) < 2:
        time.sleep(0.02)
    launched.send_signal(number)
    assert launched.wait(timeout=30) in (40, 41)


def test_a_signal_while_workers_are_started_reaches_those_that_follow(monkeypatch):
    start = subprocess.Popen

    def signalled(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGTERM)
        return start(*args, **kwargs)

    monkeypatch.setattr("ssgan.launch.subprocess.Popen", signalled)
    begin = time.monotonic()
    assert launch(python("import time; time.sleep(60)")) == 128 + signal.SIGTERM
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize(("ends", "status"), [("sys.exit(5)", 5), ("1 / 0", 1), ("None", 0)])
def test_a_worker_ends_at_once_and_another_process_as_usual(ends, status):
    code = "import sys, atexit\nfrom ssgan import cluster\natexit.register(print, 'slow')\n"
    code += f"with cluster.ending_at_once('auto'): {ends}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), cluster.TF_CONFIG: config()}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == status and done.stdout == "" and ("ZeroDivisionError" in done.stderr) == (status == 1)
    del environment[cluster.TF_CONFIG]
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == status and done.stdout == "slow\n"
