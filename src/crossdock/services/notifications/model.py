"""The life of a notification, pure: what is known about whether it reached somebody.

    pending ──begin──▶ sending ──delivered──▶ sent
       ▲                │ │ │ └──refused──▶ refused
       └──not sent──────┘ │ └──unsure──▶ maybe_sent          suppressed

`sending` is written before the channel is used, so whoever finds it does not know what happened. Only a channel that drops repetitions is
then used again; otherwise the notification is `maybe_sent`, which people may look into. `suppressed` is where a recipient who wants
nothing begins and ends.
"""

from enum import StrEnum
from hashlib import sha256
from typing import Final

import msgspec


class NotificationState(StrEnum):
    """Where a notification stands."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    MAYBE_SENT = "maybe_sent"
    SUPPRESSED = "suppressed"


class Trigger(StrEnum):
    """What can happen to a notification."""

    BEGIN = "begin"
    DELIVERED = "delivered"
    NOT_SENT = "not_sent"
    REFUSED = "refused"
    UNSURE = "unsure"


_S, _T = NotificationState, Trigger

TRANSITIONS: Final[dict[tuple[NotificationState, Trigger], NotificationState]] = {
    (_S.PENDING, _T.BEGIN): _S.SENDING,
    (_S.SENDING, _T.DELIVERED): _S.SENT,
    (_S.SENDING, _T.NOT_SENT): _S.PENDING,
    (_S.SENDING, _T.REFUSED): _S.REFUSED,
    (_S.SENDING, _T.UNSURE): _S.MAYBE_SENT,
}

OPEN: Final = frozenset({_S.PENDING, _S.SENDING})
"""Something is still to be done."""


class NotificationKey(msgspec.Struct, frozen=True):
    """What makes a notification the same one: a second with the same key is never sent."""

    event_id: str
    template: str
    channel: str
    recipient: str

    @property
    def message_id(self) -> str:
        """The same for every attempt, so that a channel can drop repetitions."""
        return sha256("\0".join(msgspec.structs.astuple(self)).encode()).hexdigest()[:40]


class Content(msgspec.Struct, frozen=True):
    """What is to be read: a subject and text, and HTML where the channel shows it."""

    subject: str
    text: str
    html: str = ""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it is handed to a channel."""

    message_id: str
    recipient: str
    content: Content
    at_ms: int
