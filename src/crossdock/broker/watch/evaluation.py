"""When an alarm is in which state: AWS's rule, over a row of values.

More periods are looked at than the alarm asks for, so that late or missing data do not decide: `REACH` more. Among them

    none missing in the latest N     ─► those N decide
    at least N are there             ─► the latest N that are there decide
    fewer                            ─► all that are there decide, and TreatMissingData says what the others are

Source: CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data". A test has its tables.
"""

from collections.abc import Callable, Sequence
from operator import ge, gt, le, lt

from crossdock.broker.watch.alarm import ALARM, INSUFFICIENT_DATA, OK

REACH = 2

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": ge,
    "GreaterThanThreshold": gt,
    "LessThanThreshold": lt,
    "LessThanOrEqualToThreshold": le,
}

MISSING = "missing"
IGNORE = "ignore"
BREACHING = "breaching"
NOT_BREACHING = "notBreaching"
TREATMENTS = (MISSING, IGNORE, BREACHING, NOT_BREACHING)


def evaluate(breaches: Sequence[bool | None], wanted: int, to_alarm: int, missing: str) -> str | None:
    """The state that an alarm is in; None for the one that it was in.

    `breaches`: for each period, the oldest first, whether its value breaches the threshold, None without a value; `wanted` is N,
    `to_alarm` M, `missing` the treatment of missing data.
    """
    known = [breach for breach in breaches if breach is not None]
    if len(known) < wanted:
        if missing in (BREACHING, NOT_BREACHING):
            known += [missing == BREACHING] * (wanted - len(known))
        elif not known:
            return INSUFFICIENT_DATA if missing == MISSING else None
        elif all(known) and len(known) < to_alarm:
            return ALARM if missing == MISSING and _began(breaches) >= to_alarm else None
    return ALARM if sum(known[-wanted:]) >= to_alarm else OK


def _began(breaches: Sequence[bool | None]) -> int:
    """How many periods ago the first known value was, the latest period being 1."""
    return len(breaches) - next(index for index, breach in enumerate(breaches) if breach is not None)
