"""Message contracts: what an event is called, what its body holds, and what rides beside it in message attributes.

Bodies are the guide's JSON and nothing else; every further fact (id, versions, source, trace) is a message attribute, so that a consumer
that knows only the guide is not disturbed. A message of such a foreign producer (only `eventType`) is accepted: its id is then the
contract's business key, and when the contract declares none, SQS's message id.

Decimals are JSON numbers, digit for digit, in both directions; they never pass through a binary float.
"""

import string
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, NamedTuple, TypeVar

import msgspec

from crossdock.messaging.message import Attribute, ReceivedMessage

EVENT_TYPE = "eventType"
EVENT_ID = "eventId"
EVENT_VERSION = "eventVersion"
SCHEMA_VERSION = "schemaVersion"
SOURCE = "source"
TRACEPARENT = "traceparent"

FOREIGN_SCHEMA_VERSION = 1
"""What a message without `schemaVersion` is taken for."""

_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Event(msgspec.Struct, rename="camel", frozen=True, kw_only=True, omit_defaults=True):
    """The body of a message: declare the fields in snake_case, they are camelCase on the wire.

    A field that equals its default is left out of the body: an optional extra does not change the bytes of those who do not use it.
    Unknown fields of a body are ignored, so that a producer may add some.
    """

    __contract__: ClassVar["Contract"]


E = TypeVar("E", bound=Event)


class Contract(msgspec.Struct, frozen=True):
    """What `@contract` declared: event type, schema version, and the template of the business key (wire names in braces)."""

    event_type: str
    schema_version: int
    business_key: str | None
    key_fields: tuple[str, ...]
    """The attributes of the event that fill the template, in its order."""

    def key_of(self, event: Event) -> str | None:
        """The declared business key of an event, for producers that send no id."""
        if self.business_key is None:
            return None
        values = {
            name: getattr(event, field) for name, field in zip(_names(self.business_key), self.key_fields, strict=True)
        }
        return self.business_key.format_map(values)


def contract(
    event_type: str, *, schema_version: int = 1, business_key: str | None = None
) -> Callable[[type[E]], type[E]]:
    """Declare an event class as a contract.

    `business_key` is a template over wire names, for example `"ORDER_CREATED:{orderId}"`: it identifies an event whose producer sends no
    `eventId`. A template that names an unknown field raises ValueError at import.
    """

    def declare(model: type[E]) -> type[E]:
        wire_names = {field.encode_name: field.name for field in msgspec.structs.fields(model)}
        unknown = [name for name in _names(business_key or "") if name not in wire_names]
        if unknown:
            raise ValueError(f"{event_type}: business key names unknown fields {unknown}")
        fields = tuple(wire_names[name] for name in _names(business_key or ""))
        model.__contract__ = Contract(event_type, schema_version, business_key, fields)
        return model

    return declare


def contract_of(event: Event | type[Event]) -> Contract:
    """The declaration of an event or of its class; TypeError for a class without `@contract`."""
    found = getattr(event, "__contract__", None)
    if not isinstance(found, Contract):
        raise TypeError(f"{event!r} is not declared with @contract")
    return found


class Envelope(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of an event beside its body.

    `event_version` is the version of the aggregate after the change that the event tells; a state machine applies n+1 and ignores ≤ n.
    """

    event_id: str
    event_type: str
    event_version: int | None = None
    schema_version: int = FOREIGN_SCHEMA_VERSION
    source: str = ""
    traceparent: str | None = None
    group_id: str | None = None

    def attributes(self) -> dict[str, Attribute]:
        """The message attributes that carry this envelope; the group id travels as SQS's own MessageGroupId instead."""
        attributes = {
            EVENT_TYPE: Attribute("String", self.event_type),
            EVENT_ID: Attribute("String", self.event_id),
            SCHEMA_VERSION: Attribute("Number", str(self.schema_version)),
        }
        if self.event_version is not None:
            attributes[EVENT_VERSION] = Attribute("Number", str(self.event_version))
        if self.source:
            attributes[SOURCE] = Attribute("String", self.source)
        if self.traceparent:
            attributes[TRACEPARENT] = Attribute("String", self.traceparent)
        return attributes


class UndecodableMessage(Exception):
    """A message that no contract understands; `reason` says why. It belongs in the dead letter queue."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Decoded(NamedTuple):
    """A typed event and its envelope."""

    event: Event
    envelope: Envelope


class Contracts:
    """The contracts that a consumer understands, found by event type and schema version."""

    def __init__(self, models: Iterable[type[Event]]) -> None:
        self._decoders: dict[tuple[str, int], tuple[Contract, msgspec.json.Decoder[Any]]] = {}
        for model in models:
            declared = contract_of(model)
            key = (declared.event_type, declared.schema_version)
            if key in self._decoders:
                raise ValueError(f"two contracts for {declared.event_type} version {declared.schema_version}")
            self._decoders[key] = (declared, msgspec.json.Decoder(model))

    def decode(self, message: ReceivedMessage) -> Decoded:
        """Read a message into its event; UndecodableMessage when there is no contract for it or the body does not fit."""
        event_type = message.text(EVENT_TYPE)
        if event_type is None:
            raise UndecodableMessage("no eventType attribute")
        schema_version = _number(message, SCHEMA_VERSION) or FOREIGN_SCHEMA_VERSION
        found = self._decoders.get((event_type, schema_version))
        if found is None:
            raise UndecodableMessage(f"no contract for {event_type} version {schema_version}")
        declared, decoder = found
        try:
            event = decoder.decode(message.body)
        except msgspec.DecodeError as error:
            raise UndecodableMessage(f"{event_type}: {error}") from error
        envelope = Envelope(
            event_id=message.text(EVENT_ID) or declared.key_of(event) or message.message_id,
            event_type=event_type,
            event_version=_number(message, EVENT_VERSION),
            schema_version=schema_version,
            source=message.text(SOURCE) or "",
            traceparent=message.text(TRACEPARENT),
            group_id=message.group_id,
        )
        return Decoded(event, envelope)


def encode(event: Event) -> str:
    """The body of an event: compact JSON, field names in camelCase, decimals as exact numbers."""
    return _ENCODER.encode(event).decode()


def _names(template: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(template) if name]


def _number(message: ReceivedMessage, attribute: str) -> int | None:
    text = message.text(attribute)
    if text is None:
        return None
    if not text.isdecimal():
        raise UndecodableMessage(f"{attribute} is not a number: {text!r}")
    return int(text)
