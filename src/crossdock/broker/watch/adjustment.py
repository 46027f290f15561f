"""By how much a policy changes a group: arithmetic only.

Source: EC2 Auto Scaling User Guide, "Step and simple scaling policies" and "Target tracking scaling policies".
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from crossdock.aws.api.autoscaling import StepAdjustment

CHANGE = "ChangeInCapacity"
EXACT = "ExactCapacity"
PERCENT = "PercentChangeInCapacity"
ADJUSTMENTS = (CHANGE, EXACT, PERCENT)

SCALE_IN_SHARE = 10
"""Target tracking takes away one instance in so many at a time, at least one: it grows at once and shrinks slowly."""


def adjusted(capacity: int, how: str, by: int, at_least: int | None) -> int:
    """The capacity after an adjustment; `at_least` is the smallest change in percent adjustments."""
    if how == EXACT:
        return by
    if how == CHANGE:
        return capacity + by
    change = _rounded(capacity * by / 100)
    if at_least is not None and change and abs(change) < at_least:
        change = at_least if change > 0 else -at_least
    return capacity + change


def _rounded(change: float) -> int:
    """Above 1 down, below -1 up, and never to nothing."""
    if 0 < change < 1:
        return 1
    if -1 < change < 0:
        return -1
    return math.trunc(change)


def step_for(steps: Sequence[StepAdjustment], breach: float) -> StepAdjustment | None:
    """The step for a metric that is `breach` above its threshold (below, where negative); None if none is meant.

    Above the threshold the lower bound belongs to a step, below it the upper one; at it whichever there is.
    """
    for step in steps:
        lower, upper = step.metric_interval_lower_bound, step.metric_interval_upper_bound
        low = -math.inf if lower is None else lower
        high = math.inf if upper is None else upper
        if (low <= breach < high) if breach >= 0 else (low < breach <= high):
            return step
    return next((step for step in steps if breach == 0 == step.metric_interval_upper_bound), None)


def on_target(capacity: int, metric: float, target: float, may_shrink: bool) -> int:
    """The capacity with which a metric that falls as capacity grows would be at its target."""
    wanted = math.ceil(capacity * metric / target)
    if wanted >= capacity:
        return wanted
    return max(wanted, capacity - max(1, capacity // SCALE_IN_SHARE)) if may_shrink else capacity


def check_steps(steps: Sequence[StepAdjustment]) -> str | None:
    """What is wrong with the steps of a policy: they must follow each other without gap or overlap. None if nothing is."""
    if not steps:
        return "StepAdjustments are required with StepScaling"
    bounds = sorted(
        (
            -math.inf if step.metric_interval_lower_bound is None else step.metric_interval_lower_bound,
            math.inf if step.metric_interval_upper_bound is None else step.metric_interval_upper_bound,
        )
        for step in steps
    )
    if any(low >= high for low, high in bounds):
        return "the lower bound of a step must be below its upper bound"
    if -math.inf < bounds[0][0] < 0 or 0 < bounds[-1][1] < math.inf:
        return "StepAdjustments must have one without a lower bound where one is negative, and one without an upper bound where one is positive"
    if any(high != low for (_, high), (low, _) in pairwise(bounds)):
        return "StepAdjustment intervals must not have gaps or overlap"
    return None
