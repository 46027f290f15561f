"""What one step of a machine yields: replies and facts.

A reply leaves when the facts are on disk. A late reply is an early one: a long poll is answered by whichever later step has a
message for it, and its reply is keyed by the same ticket.
"""

from collections.abc import Hashable

import msgspec

from crossdock.aws.errors import ApiError
from crossdock.aws.shapes import Shape

Ticket = Hashable
"""Whoever waits for a reply; opaque to the machine."""

Reply = tuple[Ticket, Shape | ApiError | None]
"""None is the empty result of an operation without output."""


class Caller(msgspec.Struct, frozen=True, gc=False):
    """Who asks, from the credential scope of the signature and from the connection."""

    account: str
    region: str
    principal: str
    """The SenderId of what is sent: the id of a user or role."""
    base_url: str
    """Scheme, host and port under which the client reached the server; queue URLs carry it."""
    trace_header: str | None = None
    """The HTTP header X-Amzn-Trace-Id."""


class Fact(msgspec.Struct, array_like=True, tag=True, gc=False):
    """Something that happened and is written down."""


class Outcome(msgspec.Struct, gc=False):
    """Replies and facts of one step."""

    replies: list[Reply]
    facts: list[Fact]
    durable: bool = True
    """False where the replies need not wait for these facts: their loss in a crash is a redelivery, which SQS allows."""
    size: int = 0
    """About how many bytes its replies take in memory, where that is much."""
