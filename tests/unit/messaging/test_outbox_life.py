"""The life of an outbox row as docs/lifecycle.md tells it, on the statements that the relay runs."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from crossdock.messaging import outbox, outbox_table
from crossdock.messaging.relay import RelaySettings

PAGE = Path(__file__).parents[3] / "docs" / "lifecycle.md"

T0_MS = 1_000_000
LEASE_MS = round(RelaySettings().lease_s * 1_000)
RETENTION_MS = round(RelaySettings().retention_s * 1_000)

Step = Callable[[sa.Connection], int]
"""Something that happens to the only row; returns the time afterwards."""


def documented() -> list[tuple[str, str, str]]:
    """The rows of the page's table of transitions: from, when, to."""
    section = PAGE.read_text().partition("## A row of the outbox")[2].partition("| from |")[2]
    return [
        (a.strip("`"), when, b.strip("`"))
        for a, when, b in re.findall(r"^\| (\S+) \| (.+) \| (\S+) \|$", section, re.M)
    ]


def write(connection: sa.Connection) -> int:
    values = {"event_id": "e", "event_type": "TOLD", "queue": "told", "group_id": "g", "body": "{}", "attributes": "{}"}
    connection.execute(outbox.WRITE, [{**values, "created_ms": T0_MS, "due_ms": T0_MS}])
    return T0_MS


def lease(connection: sa.Connection, now_ms: int = T0_MS) -> int:
    values = {"now_ms": now_ms, "row_limit": 10, "lease_owner": "me", "lease_until_ms": now_ms + LEASE_MS}
    assert len(connection.execute(outbox.LEASE, values).all()) == 1
    return now_ms


def succeed(connection: sa.Connection) -> int:
    connection.execute(outbox.MARK_SENT, [{"row_id": 1, "lease_owner": "me", "at_ms": T0_MS}])
    return T0_MS


def fail(connection: sa.Connection) -> int:
    mark = {"row_id": 1, "lease_owner": "me", "error": "no", "again_ms": T0_MS + 500}
    connection.execute(outbox.MARK_FAILED, mark)
    (row,) = connection.execute(sa.select(outbox.OUTBOX)).all()
    assert (row.attempts, row.due_ms) == (1, T0_MS + 500)
    return T0_MS


def die(connection: sa.Connection) -> int:
    assert LEASE_MS == 10_000
    return T0_MS + LEASE_MS


def grow_old(connection: sa.Connection) -> int:
    assert RETENTION_MS == 7 * 86_400_000
    connection.execute(outbox.PRUNE, {"before_ms": T0_MS + 1})
    return T0_MS + RETENTION_MS


EVENTS: dict[str, Step] = {
    "a relay takes it": lease,
    "SQS has it": succeed,
    "SQS refused it": fail,
    "the relay died": die,
    "7 days have passed": grow_old,
}
WAY_TO: dict[str, tuple[Step, ...]] = {
    "waiting": (write,),
    "leased": (write, lease),
    "sent": (write, lease, succeed),
}


def state(connection: sa.Connection, now_ms: int) -> str:
    """The state as the page's table of columns says it."""
    rows = connection.execute(sa.select(outbox.OUTBOX)).all()
    if not rows:
        return "gone"
    if rows[0].sent_ms is not None:
        return "sent"
    return "leased" if rows[0].leased_until_ms > now_ms else "waiting"


@pytest.mark.parametrize(("before", "when", "after"), documented(), ids=lambda text: text.partition(":")[0])
def test_every_documented_move_happens(before: str, when: str, after: str) -> None:
    """The relay's statement for the event takes a row from the one state to the other."""
    (event,) = [step for begin, step in EVENTS.items() if when.startswith(begin)]
    engine = sa.create_engine("sqlite://")
    metadata = sa.MetaData()
    outbox_table(metadata)
    with engine.begin() as connection:
        metadata.create_all(connection)
        for step in WAY_TO[before]:
            now_ms = step(connection)
        assert state(connection, now_ms) == before
        assert state(connection, event(connection)) == after


def test_every_move_is_documented() -> None:
    """The page tells of each event."""
    assert {begin for _, when, _ in documented() for begin in EVENTS if when.startswith(begin)} == EVENTS.keys()
