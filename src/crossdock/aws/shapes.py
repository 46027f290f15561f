"""The small language that describes operations: structures, their members, and how the Query protocol names them.

A structure is a class derived from `Shape`: a member is a field, snake_case here and PascalCase on the wire. A member without a
default is required. What the Query protocol does differently is an annotation:

    tags: Annotated[dict[str, str] | None, QueryMap("Tag", "Key", "Value")] = None
    attribute_names: Annotated[list[str] | None, QueryList("AttributeName")] = None

The codecs in `aws.wire` read these descriptions, through `members`; nothing else says how an operation travels. The same value that
a codec makes is the command that the broker's machine takes.
"""

from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec


class Shape(msgspec.Struct, rename="pascal", omit_defaults=True, gc=False):
    """A structure of an AWS API. Members that are None are absent on the wire."""


@dataclass(frozen=True, slots=True)
class QueryList:
    """A list in the Query protocol: flattened `Name.1`, `Name.2` (SQS), or nested `Member.member.1` when not flattened."""

    name: str
    flattened: bool = True
    json_name: str | None = None
    """Its name where the Query protocol answers in JSON, if that is not the member's own."""
    unless: str | None = None
    """The parameter that wins over this one in the Query protocol where both are given."""

    def item(self, path: str, number: int) -> str:
        """The name of one item, numbered from 1, of the list whose own name is `path`."""
        return f"{path}.{number}" if self.flattened else f"{path}.member.{number}"


@dataclass(frozen=True, slots=True)
class QueryMap:
    """A map in the Query protocol, flattened: `Name.1.<key>`, `Name.1.<value>`."""

    name: str
    key: str
    value: str


class Moment:
    """The type of a `Timestamp` where a `Scalar` names it."""


MOMENTS = (-62_135_596_800.0, 253_402_300_799.0)
"""The first and the last second that ISO 8601 has a name for: the years 1 to 9999."""

Timestamp = Annotated[float, Moment, msgspec.Meta(ge=MOMENTS[0], le=MOMENTS[1])]
"""Seconds since 1970 (UTC), which is how JSON writes it; the Query protocol writes ISO 8601."""


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
    error_namespace: str
    """What stands before `#` in the `__type` of an error."""
    path_parameter: str | None = None
    """The parameter that the path of a Query request stands for; None where all requests go to `/`."""


# What a description says, as codecs read it


@dataclass(frozen=True, slots=True)
class Scalar:
    """A member that is one text, number, truth value, blob or moment: `type` is str, int, float, bool, bytes or `Moment`."""

    type: type


@dataclass(frozen=True, slots=True)
class Structure:
    shape: type[Shape]


@dataclass(frozen=True, slots=True)
class ListOf:
    item: "Kind"
    query: QueryList


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map; its keys are always texts."""

    value: "Kind"
    query: QueryMap


Kind = Scalar | Structure | ListOf | MapOf


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a structure."""

    field: str
    """The attribute of the Python value, `queue_url`."""
    name: str
    """The name on the wire, `QueueUrl`."""
    query_name: str
    """The name in the Query protocol: that of the annotation where there is one."""
    kind: Kind
    required: bool


@cache
def members(shape: type[Shape]) -> tuple[Member, ...]:
    """The members of a structure, in the order of their declaration. TypeError where a declaration cannot travel."""
    return tuple(_member(field) for field in msgspec.structs.fields(shape))


def _member(field: msgspec.structs.FieldInfo) -> Member:
    kind = _kind(field.type, None)
    query_name = kind.query.name if isinstance(kind, ListOf | MapOf) else field.encode_name
    return Member(field.name, field.encode_name, query_name, kind, field.required)


def _kind(declared: Any, query: QueryList | QueryMap | None) -> Kind:
    """What a type hint describes; `query` is the annotation that was found around it."""
    origin, arguments = get_origin(declared), get_args(declared)
    if declared == Timestamp:
        return Scalar(Moment)
    if origin is Annotated:
        return _kind(arguments[0], arguments[1])
    if origin in (Union, UnionType):
        (declared,) = (argument for argument in arguments if argument is not NoneType)
        return _kind(declared, query)
    if origin is list and isinstance(query, QueryList):
        return ListOf(_kind(arguments[0], None), query)
    if origin is dict and arguments[0] is str and isinstance(query, QueryMap):
        return MapOf(_kind(arguments[1], None), query)
    if declared in (str, int, float, bool, bytes):
        return Scalar(declared)
    if isinstance(declared, type) and issubclass(declared, Shape):
        return Structure(declared)
    raise TypeError(f"{declared} describes nothing that travels; a list or map needs a QueryList or QueryMap")
