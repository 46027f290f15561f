"""What a message carries into the dead letter queue when a consumer gives it up: the reason, who gave up, and where it came from.

SQS stamps DeadLetterQueueSourceArn only on messages that it moves itself, so ours carry their source as an attribute; redrive goes by it.
"""

from crossdock.aws import quotas
from crossdock.messaging.message import Attribute, OutgoingMessage, ReceivedMessage
from crossdock.messaging.retry import DeadLetter
from crossdock.messaging.topology import Queue

FAILURE_REASON = "failureReason"
FAILURE_ERROR = "failureError"
FAILURE_CONSUMER = "failureConsumer"
FAILURE_SOURCE = "failureSource"

REASON_LENGTH_MAX = 1_000


def dead_letter_copy(message: ReceivedMessage, decision: DeadLetter, queue: Queue) -> OutgoingMessage:
    """The message to send to the dead letter queue of `queue`. A FIFO one recognises a second copy by the message's id, which a redrive
    changes: an event that is given up twice within five minutes must not be taken for its own duplicate."""
    failure = {
        FAILURE_REASON: Attribute("String", _printable(decision.reason)),
        FAILURE_SOURCE: Attribute("String", queue.name),
        FAILURE_ERROR: Attribute("String", decision.error),
        FAILURE_CONSUMER: Attribute("String", queue.consumer),
    }
    own = {name: value for name, value in message.attributes.items() if name not in failure}
    room = quotas.MESSAGE_ATTRIBUTES_MAX - len(own)
    return OutgoingMessage(
        body=message.body,
        attributes=own | dict(list(failure.items())[:room]),
        group_id=message.group_id,
        deduplication_id=message.message_id if queue.fifo else None,
    )


def _printable(reason: str) -> str:
    """A reason as SQS takes it: not empty, no control characters, not too long."""
    return "".join(c if c.isprintable() else " " for c in reason[:REASON_LENGTH_MAX]).strip() or "unknown"
