"""The client side of the queues: works against this broker and against AWS alike.

Contracts say what an event is, the topology says where it goes; a `Transaction` publishes it, the `Relay` sends it, a `Worker` handles it
exactly once. This is the whole public surface; other teams import it from here.
"""

from crossdock.messaging.consumer import Consumer, ConsumerSettings
from crossdock.messaging.contract import (
    Contracts,
    Envelope,
    Event,
    UndecodableMessage,
    contract,
    encode,
)
from crossdock.messaging.database import database
from crossdock.messaging.inbox import Inbox, inbox_tables
from crossdock.messaging.message import Attribute, OutgoingMessage, ReceivedMessage, SqsError
from crossdock.messaging.outbox import outbox_table
from crossdock.messaging.relay import Relay, RelaySettings
from crossdock.messaging.retry import Discard, Fatal, Retry, RetryPolicy
from crossdock.messaging.sqs import Sqs
from crossdock.messaging.topology import Change, DeadLetterQueue, Queue, Topology, TopologyError, apply, diff
from crossdock.messaging.transaction import Transaction, transaction
from crossdock.messaging.worker import Worker

__all__ = [
    "Attribute",
    "Change",
    "Consumer",
    "ConsumerSettings",
    "Contracts",
    "DeadLetterQueue",
    "Discard",
    "Envelope",
    "Event",
    "Fatal",
    "Inbox",
    "OutgoingMessage",
    "Queue",
    "ReceivedMessage",
    "Relay",
    "RelaySettings",
    "Retry",
    "RetryPolicy",
    "Sqs",
    "SqsError",
    "Topology",
    "TopologyError",
    "Transaction",
    "UndecodableMessage",
    "Worker",
    "apply",
    "contract",
    "database",
    "diff",
    "encode",
    "inbox_tables",
    "outbox_table",
    "transaction",
]
