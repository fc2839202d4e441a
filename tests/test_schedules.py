import keras
import pytest

from ssgan.schedules import ConstantThenLinear


@pytest.mark.parametrize(
    ("step", "expected"),
    [(0, 0.01), (50, 0.01), (60, 0.01), (70, 0.0075), (80, 0.005), (99, 0.00025), (100, 0.0), (101, 0.0), (5000, 0.0)],
)
def test_constant_then_linear_by_hand(step, expected):
    schedule = ConstantThenLinear(0.01, total_steps=100, decay_start=0.6)
    assert float(schedule(step)) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(("step", "expected"), [(0, 1.0), (1, 0.75), (2, 0.5), (3, 0.25), (4, 0.0)])
def test_decay_from_the_start(step, expected):
    assert float(ConstantThenLinear(1.0, total_steps=4, decay_start=0.0)(step)) == expected


@pytest.mark.parametrize(("step", "expected"), [(0, 1.0), (2, 1.0), (3, 1.0), (4, 0.0)])
def test_no_decay_before_the_end(step, expected):
    assert float(ConstantThenLinear(1.0, total_steps=4, decay_start=1.0)(step)) == expected


def test_the_end_of_a_long_training_is_exactly_zero():
    assert float(ConstantThenLinear(3e-4, total_steps=1_000_003, decay_start=2 / 3)(1_000_003)) == 0.0


@pytest.mark.parametrize(("update", "expected"), [(0, 1.0), (7, 1.0), (10, 0.8), (15, 0.3), (18, 0.0), (19, 0.0)])
def test_updates_count_as_the_training_steps_they_are_made_in(update, expected):
    # Update 10 is made at training step 10 + 5 * 10 = 60, a fifth of the way from 50 to 100.
    schedule = ConstantThenLinear(1.0, total_steps=100, decay_start=0.5, first_step=10, every=5)
    assert float(schedule(update)) == pytest.approx(expected, abs=1e-6)


def test_the_config_makes_an_equal_schedule():
    config = {"learning_rate": 0.01, "total_steps": 100, "decay_start": 0.6, "first_step": 3, "every": 4}
    schedule = ConstantThenLinear(**config)
    assert schedule.get_config() == config
    again = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(schedule))
    assert isinstance(again, ConstantThenLinear) and again.get_config() == config


def test_an_optimizer_follows_the_schedule():
    weight = keras.Variable([1.0])
    schedule = ConstantThenLinear(0.5, total_steps=2, decay_start=0.0)
    optimizer = keras.optimizers.SGD(schedule)
    values = []
    for _ in range(3):
        optimizer.apply([keras.ops.ones(1)], [weight])
        values.append(float(weight.value[0]))
    assert values == [0.5, 0.25, 0.25]
