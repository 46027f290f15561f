"""What messaging tells about itself: trace context that follows an event, Prometheus metrics, and the fields of every log line.

Only the OpenTelemetry API is used: without an SDK spans cost next to nothing, and the `traceparent` still travels from event to event, so
that one order has one trace id in all services.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Counter, Gauge, Histogram

from crossdock.clock import Clock
from crossdock.messaging.contract import TRACEPARENT, Envelope

_TRACER = trace.get_tracer("crossdock.messaging")
_FORMAT = TraceContextTextMapPropagator()

RECEIVED = Counter("crossdock_messages_received", "Messages received, duplicates and redeliveries included", ["queue"])
OUTCOMES = Counter("crossdock_messages_handled", "Messages by what became of them", ["queue", "outcome"])
DURATION = Histogram("crossdock_handler_seconds", "Time in the handler, its transaction included", ["queue"])
POLL_ERRORS = Counter("crossdock_poll_errors", "Receive calls that failed", ["queue"])
SENT = Counter("crossdock_outbox_sent", "Outbox rows that SQS acknowledged", ["queue"])
SEND_FAILURES = Counter(
    "crossdock_outbox_failures", "Outbox rows that SQS did not take; they are tried again", ["queue"]
)
UNSENT_AGE = Gauge(
    "crossdock_outbox_oldest_unsent_seconds", "Age of the oldest outbox row that is not sent", ["source"]
)


def new_traceparent(event_type: str, clock: Clock) -> str:
    """The trace context for an event that is published now: a child of the current span, or a trace of its own."""
    carrier: dict[str, str] = {}
    with _TRACER.start_as_current_span(f"publish {event_type}", kind=trace.SpanKind.PRODUCER):
        _FORMAT.inject(carrier)
    if (found := carrier.get(TRACEPARENT)) is not None:
        return found
    trace_id = clock.new_id().replace("-", "")
    return f"00-{trace_id}-{clock.new_id().replace('-', '')[:16]}-00"


@contextmanager
def handling(consumer: str, envelope: Envelope) -> Iterator[None]:
    """Everything inside happens on behalf of a delivered event: the span continues its trace, log lines carry its id."""
    parent = _FORMAT.extract({TRACEPARENT: envelope.traceparent}) if envelope.traceparent else None
    with (
        _TRACER.start_as_current_span(f"process {envelope.event_type}", context=parent, kind=trace.SpanKind.CONSUMER),
        structlog.contextvars.bound_contextvars(
            consumer=consumer, event_type=envelope.event_type, event_id=envelope.event_id
        ),
    ):
        yield
