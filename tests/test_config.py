import dataclasses
import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from ssgan.errors import UsageError
from ssgan.options import Config
from ssgan.options.declare import option
from ssgan.options.flags import parse_flags
from ssgan.options.groups import OwnImages

FIELDS = {field.name: field for field in dataclasses.fields(Config)}
NUMERIC = [name for name, field in FIELDS.items() if field.type not in (str, bool, str | None)]
OWN = [field.name for field in dataclasses.fields(OwnImages)]
CHANGED = Config(
    dataset="mnist",
    data_dir="a folder/with = and # in it",
    image_size="28",
    labels=0,
    batching="masked",
    gan_weight=0.25,
    learning_rate=3e-4,
    ema_decay=0.9999,
    deterministic=True,
    total_epochs=7,
    run_dir="runs/mine",
)


def parse(*arguments):
    return parse_flags(Config, ["train", *arguments], usage="Trains a classifier.")


def refusal(capsys, *arguments):
    """Returns the one line on stderr of a refused command line."""
    with pytest.raises(SystemExit) as stop:
        parse(*arguments)
    out, err = capsys.readouterr()
    assert stop.value.code == 2 and out == ""
    assert err.startswith("error: ") and err.endswith("\n") and err.count("\n") == 1
    return err


def bounds():
    for name, field in FIELDS.items():
        for key in ("low", "high"):
            if field.metadata[key] is not None:
                yield name, key, field.metadata[key]


def test_no_flags_give_the_defaults():
    assert parse() == Config()


def test_flags_set_the_options():
    config = parse("--labels=250", "--learning_rate=3e-4", "--arch", "article", "--deterministic", "--data_dir=x")
    assert config == Config(labels=250, learning_rate=3e-4, arch="article", deterministic=True, data_dir="x")
    assert parse("--deterministic", "--nodeterministic").deterministic is False


# What an option asks for.
BESIDE = {
    "feature_matching_weight": ["--adversarial_weight=1"],
    "generated_class_weight": ["--noconditional"],
    "generated_batch": ["--mode_seeking_weight=0"],
    "objective": ["--gradient_penalty_weight=1", "--adversarial_weight=1"],
}


@pytest.mark.parametrize(("name", "key", "bound"), list(bounds()))
def test_a_bound_is_allowed_and_beyond_it_is_refused(capsys, name, key, bound):
    assert getattr(parse(f"--{name}={bound}", *BESIDE.get(name, [])), name) == bound
    beyond = bound - 1 if key == "low" else bound + 1
    assert f"--{name}={beyond}: expected " in (line := refusal(capsys, f"--{name}={beyond}"))
    assert str(bound) in line.partition("expected")[2]


@pytest.mark.parametrize("name", [name for name in FIELDS if FIELDS[name].metadata["choices"]])
def test_each_choice_is_allowed_and_another_is_refused(capsys, name):
    choices = FIELDS[name].metadata["choices"]
    beside = ["--images=photos", "--recipe="] if name in OWN else BESIDE.get(name, [])
    assert [getattr(parse(f"--{name}={choice}", *beside), name) for choice in choices] == list(choices)
    line = refusal(capsys, f"--{name}=fancy")
    assert f"--{name}=fancy: expected one of {', '.join(choices)}" in line


def test_the_wording_of_a_refusal(capsys):
    assert refusal(capsys, "--image_size=8") == (
        "error: --image_size=8: expected 16 to 128, or two such numbers, height,width (--help lists the options)\n"
    )


@pytest.mark.parametrize("name", NUMERIC)
def test_a_number_of_the_wrong_type_is_refused(capsys, name):
    expected = "float" if FIELDS[name].type in (float, float | None) else "int"
    line = refusal(capsys, f"--{name}=ten")
    assert f"--{name}=ten" in line and expected in line


@pytest.mark.parametrize(
    ("argument", "parts"),
    [
        ("--deterministic=perhaps", ["deterministic", "perhaps", "boolean"]),
        ("--labels=1.5", ["labels", "1.5", "int"]),
        ("--learning_rate=nan", ["--learning_rate=nan", "0.0 to 1.0"]),
        ("--unsupervised_weight=inf", ["--gan_weight=inf", "0.0 to 1000.0"]),
        ("--labels", ["labels", "Missing value"]),
        ("--arch=in two\nlines", ["--arch=in two lines: expected one of small"]),
        ("1000", ["'1000'", "--name=value"]),
        ("--flagfile=absent.cfg", ["absent.cfg"]),
    ],
)
def test_other_mistakes_are_refused(capsys, argument, parts):
    line = refusal(capsys, argument)
    assert [part for part in parts if part not in line] == []


def test_a_mistyped_flag_gets_a_hint(capsys):
    line = refusal(capsys, "--lables=10")
    assert "'lables'" in line and "Did you mean: labels" in line


def test_two_durations_are_refused(capsys):
    line = refusal(capsys, "--total_steps=10", "--total_epochs=2")
    assert "--total_steps=10" in line and "--total_epochs=2" in line and "give one of them" in line


def test_a_flagfile_with_comments_and_a_flagfile_in_it(tmp_path):
    (tmp_path / "inner.cfg").write_text("# the inner file\n--labels=20\n// another comment\n--arch=article\n")
    outer = tmp_path / "outer.cfg"
    outer.write_text(f"# --labels=10\n\n--seed=5\n--flagfile={tmp_path / 'inner.cfg'}\n--pooling=max\n")
    assert parse(f"--flagfile={outer}") == Config(seed=5, labels=20, arch="article", pooling="max")
    assert parse(f"--flagfile={outer}", "--labels=30").labels == 30


def test_a_mistake_in_a_flagfile_is_refused(capsys, tmp_path):
    (tmp_path / "bad.cfg").write_text("--total_step=5\n")
    assert "Did you mean: total_steps" in refusal(capsys, f"--flagfile={tmp_path / 'bad.cfg'}")


@pytest.mark.parametrize("config", [Config(), CHANGED], ids=["defaults", "changed"])
def test_a_flagfile_repeats_the_options_in_a_folder_of_its_own(tmp_path, config):
    (tmp_path / "options.cfg").write_text(config.to_flagfile())
    assert "run_dir" not in config.to_flagfile()
    assert parse(f"--flagfile={tmp_path / 'options.cfg'}", "--run_dir=other") == replace(config, run_dir="other")


@pytest.mark.parametrize("config", [Config(), CHANGED], ids=["defaults", "changed"])
def test_json_repeats_the_options(config):
    assert Config.from_json(config.to_json()) == config
    assert list(json.loads(config.to_json())) == ["format_version", *(name for name in FIELDS if name != "resume")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"lables": 10}', r"\['lables'\]; expected a JSON object with keys among .*'labels'"),
        ("[1, 2]", "hold list; expected a JSON object"),
        ("null", "hold NoneType; expected a JSON object"),
        ("{", "not valid JSON"),
        ('{"labels": "10"}', "--labels='10': expected int"),
        ('{"labels": 10.0}', "--labels=10.0: expected int"),
        ('{"labels": true}', "--labels=True: expected int"),
        ('{"seed": null}', "--seed=None: expected int"),
        ('{"deterministic": 1}', "--deterministic=1: expected bool"),
        ('{"arch": 3}', "--arch=3: expected str"),
        ('{"arch": "huge"}', "--arch=huge: expected one of small"),
        ('{"learning_rate": "fast"}', "--learning_rate='fast': expected float"),
        ('{"learning_rate": NaN}', "--learning_rate=nan: expected 0.0 to 1.0"),
        ('{"total_steps": 1, "total_epochs": 1}', "two durations at once"),
        ('{"format_version": 5, "newer": 1}', "written by a newer ssgan, in format version 5; this one reads up to 4"),
        ('{"format_version": "2"}', "the format_version '2'; expected 1, 2, ..."),
        ('{"format_version": true}', "the format_version True; expected 1, 2, ..."),
        ('{"format_version": 0}', "the format_version 0; expected 1, 2, ..."),
    ],
)
def test_bad_json_is_refused(text, message):
    with pytest.raises(UsageError, match=message):
        Config.from_json(text)


def test_a_whole_number_will_do_for_a_float():
    assert Config.from_json('{"learning_rate": 1}').learning_rate == 1.0


def test_options_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().labels = 5


@pytest.mark.parametrize("name", list(FIELDS))
def test_every_option_has_help_and_every_number_a_lower_bound(name):
    metadata = FIELDS[name].metadata
    assert len(metadata["help"]) > 20 and metadata["help"].endswith(".")
    assert (metadata["low"] is not None) == (name in NUMERIC)


def help_of(capsys, flag):
    """Returns the help, and which options it tells of."""
    with pytest.raises(SystemExit) as stop:
        parse(flag)
    out, err = capsys.readouterr()
    assert stop.value.code == 0 and err == "" and out.startswith("Trains a classifier.")
    return out, [name for name in FIELDS if re.search(rf"^  --(\[no\])?{name}\b", out, re.M)]


def test_the_whole_help_lists_every_option_in_its_group(capsys):
    out, listed = help_of(capsys, "--helpfull")
    assert listed == list(FIELDS)
    assert all(told in " ".join(out.split()) for told in ("(at least 1)", "one of balanced, proportional, first"))
    assert out.index("data: ") < out.index("--image_size") < out.index("labels: ") < out.index("--label_seed")


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_the_dozen_options_that_most_need(capsys, flag):
    out, listed = help_of(capsys, flag)
    assert {"labels", "dataset", "run_dir", "total_steps"} <= set(listed) and len(listed) <= 13
    assert "--recipe=NAME" in out and "svhn_1000" in out and "--help=GROUP" in out and "pseudo_labels" in out


def test_help_lists_a_group(capsys):
    assert help_of(capsys, "--help=pseudo_labels")[1] == [
        "pseudo_label_weight",
        "pseudo_label_threshold",
        "pseudo_label_alignment",
    ]
    assert "--help=everything: expected one of data, own_images, labels" in refusal(capsys, "--help=everything")


def test_earlier_names_of_options_are_read(capsys, tmp_path):
    (tmp_path / "old.cfg").write_text("--consistency_threshold=0.5\n")
    config = parse("--unsupervised_weight=0.25", f"--flagfile={tmp_path}/old.cfg", "--consistency_weight=2")
    assert (config.gan_weight, config.pseudo_label_weight, config.pseudo_label_threshold) == (0.25, 2.0, 0.5)
    old = '{"format_version": 2, "unsupervised_weight": 0.25, "consistency_weight": 2.0}'
    assert Config.from_json(old).gan_weight == 0.25 and Config.from_json(old).pseudo_label_weight == 2.0


def test_a_recipe_comes_before_the_options_given_beside_it(capsys):
    assert parse("--recipe=street_digits_quick").total_steps == 2000
    assert parse("--labels=250", "--recipe", "svhn_1000") == Config(dataset="svhn_cropped", labels=250)
    assert "--recipe=fancy: expected one of cifar10_4000_paper, " in refusal(capsys, "--recipe=fancy")


def test_options_need_no_tensorflow():
    code = "import sys, ssgan.options.flags; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_flagfile_that_is_no_text_is_refused(capsys, tmp_path):
    (tmp_path / "bytes.cfg").write_bytes(b"--labels=5\n\xff\xfe\n")
    assert "decode" in refusal(capsys, f"--flagfile={tmp_path}/bytes.cfg")


@dataclasses.dataclass(frozen=True)
class OfFolder:
    run: str | None = option(None, "A run.")
    all: bool = option(False, "Whether all.")
    folder: str | None = option(None, "A folder.")


@dataclasses.dataclass(frozen=True)
class OfPaths(OfFolder):
    paths: tuple[str, ...] = option((), "Files.")


@pytest.mark.parametrize(
    ("arguments", "paths"),
    [
        ([], ()),
        (["a", "--run=r", "b c", "--all", "-"], ("a", "b c", "-")),
        (
            ["--run", "r", "--all", "a", "--", "--run=s", "-h", "--flagfile=missing"],
            ("a", "--run=s", "-h", "--flagfile=missing"),
        ),
    ],
)
def test_arguments_without_a_name_are_one_options_values(arguments, paths):
    parsed = parse_flags(OfPaths, ["predict", *arguments], usage="", positional="paths")
    assert parsed.paths == paths and parsed.folder is None
    assert (parsed.run, parsed.all) == (("r", True) if arguments else (None, False))


def test_one_argument_without_a_name(capsys):
    assert parse_flags(OfFolder, ["check", "--all", "x"], usage="", positional="folder").folder == "x"
    assert parse_flags(OfFolder, ["check"], usage="", positional="folder").folder is None
    for arguments, message in (
        (["x", "y"], "unexpected argument 'y': one FOLDER is expected, and every option is written --name=value"),
        (["--folder=x"], "Unknown command line flag 'folder'"),
    ):
        with pytest.raises(SystemExit, match="2"):
            parse_flags(OfFolder, ["check", *arguments], usage="", positional="folder")
        assert message in capsys.readouterr().err


def test_help_shows_an_argument_without_a_name_by_its_place(capsys):
    for config_class, positional, line in ((OfPaths, "paths", "  PATHS ..."), (OfFolder, "folder", "  FOLDER")):
        with pytest.raises(SystemExit, match="0"):
            parse_flags(config_class, ["predict", "--help"], usage="Predicts.", positional=positional)
        lines = capsys.readouterr().out.splitlines()
        assert line in lines and "  --run=STR" in lines
        assert not [line for line in lines if line.startswith(f"  --{positional}")]
