"""A message as the machine holds it, and the states it goes through.

                 send                 receive
    (new) ──────────────► VISIBLE ───────────────► IN_FLIGHT
      │                     ▲  ▲ ◄──────────────────── │
      │ send with delay     │  │   visibility ends,    │
      ▼                     │  │   or is set to 0      │
    DELAYED ────────────────┘  └── hide ──►────────────┘
             delay ends            (ChangeMessageVisibility after the
                                    visibility ended: standard queues)

    from every state: delete, retention, purge, or a move to another queue ──► GONE

`TRANSITIONS` says the same as data. Only `Queue` changes a state. A message that was never received nor delayed is *untouched*: it
may leave memory and be paged in again (window.py). A touched one leaves when memory is crowded (queue.py).
"""

from typing import Final, Literal

import msgspec

from crossdock.broker.queues.facts import Sent

State = Literal["delayed", "visible", "in flight", "gone"]

DELAYED: Final = "delayed"
VISIBLE: Final = "visible"
IN_FLIGHT: Final = "in flight"
GONE: Final = "gone"

TRANSITIONS: dict[tuple[State, str], State] = {
    (DELAYED, "delay ends"): VISIBLE,
    (DELAYED, "remove"): GONE,
    (VISIBLE, "receive"): IN_FLIGHT,
    (VISIBLE, "hide"): IN_FLIGHT,
    (VISIBLE, "remove"): GONE,
    (IN_FLIGHT, "visibility ends"): VISIBLE,
    (IN_FLIGHT, "hide"): IN_FLIGHT,
    (IN_FLIGHT, "remove"): GONE,
}


class Message(msgspec.Struct, gc=False):
    """One resident message. Times in milliseconds."""

    sequence: int
    content: Sent | None
    """None when it was let go of; the backlog has it."""
    content_bytes: int
    """What the content takes in memory, and is charged with while it is there."""
    retained_from_ms: int
    """From when its retention counts."""
    group_id: str | None
    state: State = VISIBLE
    receive_count: int = 0
    first_received_ms: int = 0
    received_ms: int = 0
    """When it was last received."""
    due_ms: int = 0
    """When the delay or the visibility timeout ends; 0 when there never was one in this queue."""
    wake_ms: int = 0
    """When time next does something to it by itself; 0 while it is untouched: then its place in the queue tells. Never, once gone."""
    listed: bool = False
    """Has an entry among the messages that came back (standard.py)."""
