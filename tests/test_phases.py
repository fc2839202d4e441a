import pytest

from ssgan.phases import Phases

KINDS = {"l": "labels", "c": "classes", "d": "discriminator", "b": "both"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "bbbbbbbb"),
        ({"unlabeled_start": 3}, "lllbbbbb"),
        ({"gan_every": 3}, "bccbccbc"),
        ({"d_steps": 3}, "bddbddbd"),
        ({"gan_every": 2, "d_steps": 2}, "bcdcbcdc"),
        ({"unlabeled_start": 3, "gan_every": 2, "d_steps": 2}, "lllcbcdc"),
        ({"has_gan": False, "trains_generator": False}, "cccccccc"),
        ({"trains_generator": False, "gan_every": 2}, "dcdcdcdc"),
    ],
)
def test_which_kind_of_step_is_due(options, expected):
    defaults = {"unlabeled_start": 0, "gan_every": 1, "d_steps": 1, "has_gan": True, "trains_generator": True}
    phases = Phases(**{**defaults, **options})
    assert [phases.kind(step) for step in range(8)] == [KINDS[letter] for letter in expected]
