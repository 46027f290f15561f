"""The small language that describes operations: structures, their members, and how the Query protocol names them.

A structure is a class derived from `Shape`: a member is a field, snake_case here and PascalCase on the wire. A member without a
default is required. What the Query protocol does differently is an annotation:

    tags: Annotated[dict[str, str] | None, QueryMap("Tag", "Key", "Value")] = None
    attribute_names: Annotated[list[str] | None, QueryList("AttributeName")] = None

The codecs in `aws.wire` read these descriptions; nothing else says how an operation travels. The same value that a codec makes is
the command that the broker's machine takes.
"""

from dataclasses import dataclass

import msgspec


class Shape(msgspec.Struct, rename="pascal", omit_defaults=True, gc=False):
    """A structure of an AWS API. Members that are None are absent on the wire."""


@dataclass(frozen=True, slots=True)
class QueryList:
    """A list in the Query protocol: flattened `Name.1`, `Name.2` (SQS), or nested `Member.member.1` when not flattened."""

    name: str
    flattened: bool = True


@dataclass(frozen=True, slots=True)
class QueryMap:
    """A map in the Query protocol, flattened: `Name.1.<key>`, `Name.1.<value>`."""

    name: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One action of an API."""

    name: str
    input: type[Shape]
    output: type[Shape] | None = None
    account_level: bool = False
    """True for actions that address no single queue: refused on a queue's URL path by the Query protocol."""


@dataclass(frozen=True, slots=True)
class Service:
    """One API: how its protocols address it, and its operations by name."""

    name: str
    """The name in the credential scope of a signature, `sqs`."""
    json_target: str
    """What stands before the dot in `X-Amz-Target`."""
    version: str
    xml_namespace: str
    operations: dict[str, Operation]
