"""Tests of `experiments/speed/costs.py`: that its points are what they are said to be."""

import argparse
import dataclasses
import json
import subprocess
import sys

from experiments.common import processes, results
from experiments.speed import costs, ssgan_step, train_command
from ssgan.options import Config


def test_the_curves_go_through_the_default_recipe():
    default = ssgan_step.read_options(costs.DEFAULT, [])
    assert {name: getattr(Config, name) for name in costs.BATCHES} == costs.BATCHES
    for name, points in costs.CURVES.items():
        through = [ssgan_step.read_options(costs.DEFAULT, list(point.flags)) == default for point in points]
        assert any(through), name


def test_rows_are_scaled_together():
    assert costs.scaled(0.5) == costs.Point(66, ("--labeled_batch=25", "--unlabeled_batch=25", "--generated_batch=16"))


def test_a_point_is_the_median_of_its_rounds():
    reports = [{"seconds": seconds, "peak_mib": peak} for seconds, peak in (([1, 9, 2], 5), ([4, 4], 7), ([8], 6))]
    reports = [{**report, "options": {"seed": 7}} for report in reports]
    found = costs.point_summary(costs.Point(3), reports)
    assert (found["seconds"], found["median_seconds"], found["peak_mib"]) == (4, [2, 4, 8], 7)
    assert dataclasses.asdict(costs.Point(3)).items() <= found.items() and found["options"] == {"seed": 7}


def test_the_command_line_names_no_folder(monkeypatch):
    monkeypatch.setattr(
        "sys.argv",
        ["/x/experiments/speed/costs.py", "--only", "rows", "--output", "a.json", "--work_dir=b", "--steps=2"],
    )
    assert processes.command_line() == "python -m experiments.speed.costs --only rows --steps=2"


def test_a_part_says_what_it_was_measured_with_and_leaves_the_others(monkeypatch, tmp_path):
    output = tmp_path / "costs.json"
    output.write_text(json.dumps({"memory": {"date": "then"}, "input": 1}))
    arguments = argparse.Namespace(only=["memory"], output=output, work_dir=tmp_path)
    monkeypatch.setattr(costs, "parse_arguments", lambda: arguments)
    monkeypatch.setattr(costs, "images_ready", lambda count, arguments: {"about": {"cores": 2}})
    monkeypatch.setitem(costs.PARTS, "memory", lambda arguments: {"peak_mib": {}, "copies_of_the_images": 1.0})
    monkeypatch.setattr(results, "commit", lambda: "c0ffee")
    costs.main()
    written = json.loads(output.read_text())
    assert written["input"] == 1 and {"commit": "c0ffee", "hardware": {"cores": 2}}.items() <= written["memory"].items()


def test_the_options_of_a_watched_command_are_those_of_its_run(monkeypatch):
    def start(flags, folder):
        (folder / "run" / "checkpoints" / "step_000000001").mkdir(parents=True)
        (folder / "run" / "options.json").write_text(json.dumps({"seed": 7, "run_dir": str(folder)}))
        process = subprocess.Popen([sys.executable, "-S", "-c", "print()"], stdout=subprocess.PIPE, text=True)
        return process, process.stdout

    monkeypatch.setattr(train_command, "_start", start)
    mib, options = train_command.peak_mib([])
    line, step, options_of_the_first_step = train_command.first_times()
    assert mib > 0 and 0 < line <= step and options == options_of_the_first_step == {"seed": 7}
