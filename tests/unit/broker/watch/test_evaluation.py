"""The rule that decides in which state an alarm is, held against the tables of CloudWatch's user guide."""

import pytest

from crossdock.broker.watch.alarm import ALARM, INSUFFICIENT_DATA, OK
from crossdock.broker.watch.evaluation import TREATMENTS, evaluate

KEEP = None

VALUES = {"0": False, "X": True, "-": None}

TABLES = [
    # data points, the oldest first | N | M | missing | ignore | breaching | notBreaching
    ("0 - X - X", 3, 3, OK, OK, OK, OK),
    ("0 - - - -", 3, 3, OK, OK, OK, OK),
    ("- - - - -", 3, 3, INSUFFICIENT_DATA, KEEP, ALARM, OK),
    ("0 X X - X", 3, 3, ALARM, ALARM, ALARM, ALARM),
    ("- - X - -", 3, 3, ALARM, KEEP, ALARM, OK),
    ("0 - X - X", 3, 2, ALARM, ALARM, ALARM, ALARM),
    ("0 0 X 0 X", 3, 2, ALARM, ALARM, ALARM, ALARM),
    ("0 - X - -", 3, 2, OK, OK, ALARM, OK),
    ("- - - - 0", 3, 2, OK, OK, ALARM, OK),
    ("- - - X -", 3, 2, ALARM, KEEP, ALARM, OK),
]


@pytest.mark.parametrize(("row", "wanted", "to_alarm", "missing", "ignore", "breaching", "not_breaching"), TABLES)
def test_the_tables_of_the_user_guide(
    row: str, wanted: int, to_alarm: int, missing: str, ignore: str | None, breaching: str, not_breaching: str
) -> None:
    breaches = [VALUES[sign] for sign in row.split()]
    decided = [evaluate(breaches, wanted, to_alarm, treatment) for treatment in TREATMENTS]
    assert decided == [missing, ignore, breaching, not_breaching]


def test_a_first_breach_does_not_alarm_before_there_are_enough() -> None:
    assert evaluate([None, None, None, None, True], 3, 3, "missing") is KEEP


def test_without_gaps_the_latest_periods_decide() -> None:
    assert evaluate([True, True, False, False, False], 3, 1, "missing") == OK
    assert evaluate([False, False, False, False, True], 3, 1, "missing") == ALARM
