"""By how much policies change a group."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.aws.api.autoscaling import StepAdjustment
from crossdock.broker.watch.adjustment import CHANGE, EXACT, PERCENT, adjusted, check_steps, on_target, step_for


@pytest.mark.parametrize(
    ("capacity", "how", "by", "at_least", "wanted"),
    [
        (4, CHANGE, 2, None, 6),
        (4, CHANGE, -1, None, 3),
        (4, EXACT, 2, None, 2),
        (10, PERCENT, 15, None, 11),
        (10, PERCENT, -15, None, 9),
        (4, PERCENT, 10, None, 5),
        (4, PERCENT, -10, None, 3),
        (4, PERCENT, 25, 2, 6),
        (4, PERCENT, -25, 2, 2),
        (0, PERCENT, 50, None, 0),
    ],
)
def test_adjustments(capacity: int, how: str, by: int, at_least: int | None, wanted: int) -> None:
    assert adjusted(capacity, how, by, at_least) == wanted


STEPS = [
    StepAdjustment(1, 0.0, 10.0),
    StepAdjustment(3, 10.0, None),
    StepAdjustment(-1, -10.0, 0.0),
    StepAdjustment(-2, None, -10.0),
]


@pytest.mark.parametrize(
    ("breach", "by"), [(0.0, 1), (9.9, 1), (10.0, 3), (500.0, 3), (-0.1, -1), (-9.9, -1), (-10.0, -2), (-50.0, -2)]
)
def test_bounds_belong_to_the_step_nearer_to_the_threshold(breach: float, by: int) -> None:
    step = step_for(STEPS, breach)
    assert step is not None
    assert step.scaling_adjustment == by


def test_where_no_step_is_meant_there_is_none() -> None:
    assert step_for(STEPS[:2], -1.0) is None


def test_steps_must_follow_each_other() -> None:
    assert check_steps(STEPS) is None
    assert check_steps([]) is not None
    assert check_steps([STEPS[0], StepAdjustment(2, 15.0, None)]) is not None
    assert check_steps([STEPS[0], StepAdjustment(2, 5.0, None)]) is not None
    assert check_steps([StepAdjustment(1, None, None), StepAdjustment(2, None, 5.0)]) is not None
    assert check_steps([StepAdjustment(1, 5.0, 5.0)]) is not None


def test_a_target_is_reached_at_once_upwards_and_slowly_downwards() -> None:
    assert on_target(10, 150, 100, may_shrink=True) == 15
    assert on_target(40, 10, 100, may_shrink=True) == 36
    assert on_target(5, 10, 100, may_shrink=True) == 4
    assert on_target(5, 10, 100, may_shrink=False) == 5


@given(st.integers(1, 500), st.floats(0, 1e4), st.floats(0.1, 1e4))
def test_a_target_is_never_overshot_downwards(capacity: int, metric: float, target: float) -> None:
    wanted = on_target(capacity, metric, target, may_shrink=True)
    assert wanted >= capacity or wanted * target >= capacity * metric or wanted == capacity - max(1, capacity // 10)


@pytest.mark.parametrize(("lower", "upper"), [(None, 0.0), (0.0, None)])
def test_at_the_threshold_a_step_of_either_side_is_meant(lower: float | None, upper: float | None) -> None:
    steps = [StepAdjustment(1, lower, upper)]
    assert step_for(steps, 0.0) is steps[0]


@pytest.mark.parametrize(
    ("bounds", "good"),
    [
        ([(0.0, None)], True),
        ([(None, 0.0)], True),
        ([(None, None)], True),
        ([(5.0, None)], True),
        ([(0.0, 10.0)], False),
        ([(-10.0, 0.0)], False),
        ([(None, -10.0), (-10.0, 0.0), (0.0, 10.0), (10.0, None)], True),
        ([(None, -10.0), (-10.0, 0.0), (0.0, 10.0)], False),
    ],
)
def test_steps_have_no_end_where_the_metric_has_none(
    bounds: list[tuple[float | None, float | None]], good: bool
) -> None:
    assert (check_steps([StepAdjustment(1, lower, upper) for lower, upper in bounds]) is None) is good
