"""The requests of the Query protocol: form parameters such as `Attribute.1.Name=DelaySeconds`, to structures and back.

Parameters are first hung into a tree by the dots in their names; then the description of the structure says what to pick from it.
Whatever else hangs there is ignored, as AWS does. Actions, paths and errors on the wire are `aws_query`'s.
"""

import re
from binascii import a2b_qp
from collections.abc import Iterator
from typing import Any

from crossdock.aws.errors import InvalidParameterValue, MalformedQueryString, MissingParameter
from crossdock.aws.shapes import Kind, ListOf, MapOf, Member, Scalar, Shape, Structure, members
from crossdock.aws.wire.query_scalars import is_digits, nothing, read_scalar, write_scalar

PARAMETERS_MAX = 10_000
DEPTH_MAX = 16
INDEX_DIGITS_MAX = 10

_BROKEN_CODE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class Parameter:
    """A node in the tree of parameters: its own value, and what hangs below it."""

    __slots__ = ("below", "value")

    def __init__(self, value: str | None = None) -> None:
        self.value = value
        self.below: dict[str, Parameter] = {}

    def text(self, name: str) -> str:
        """The value of the parameter `name` below this one; empty if there is none."""
        return (parameter.value or "") if (parameter := self.below.get(name)) else ""

    def hang(self, name: str, value: str) -> None:
        """Add a parameter by its dotted name. Given twice, the last one counts."""
        parameter = self
        for part in name.split(".", DEPTH_MAX):
            parameter = parameter.below.get(part) or parameter.below.setdefault(part, Parameter())
        parameter.value = value

    def numbered(self) -> list[tuple[int, "Parameter"]]:
        """What hangs below under `1`, `2`, …, in the order of the numbers, whatever gaps they have.

        `member.1` and `entry.1`, as unflattened lists and maps are written, mean the same.
        """
        below = (self.below.get("member") or self.below.get("entry") or self).below
        numbers = [(int(name), name) for name in below if len(name) <= INDEX_DIGITS_MAX and is_digits(name)]
        return [(number, below[name]) for number, name in sorted(numbers)]


def parse_form(query: str, body: bytes) -> Parameter:
    """The parameters of a query string and of a form body, the body's winning. MalformedQueryString if they cannot be read."""
    pairs = [pair for text in (query.encode("latin-1", "replace"), body) for pair in text.split(b"&") if pair]
    if len(pairs) > PARAMETERS_MAX:
        raise MalformedQueryString(f"There are more than {PARAMETERS_MAX} parameters.")
    tree = Parameter()
    try:
        for pair in pairs:
            name, _, value = pair.partition(b"=")
            tree.hang(_decoded(name), _decoded(value))
    except UnicodeDecodeError as error:
        raise MalformedQueryString("The parameters are not valid UTF-8.") from error
    return tree


def _decoded(text: bytes) -> str:
    """Undo form encoding. A percent sign that begins no code stands for itself.

    Quoted-printable is the same code with another sign, and C decodes it ten times faster than `urllib` does: a message of a megabyte
    must not hold up everybody else.
    """
    text = text.replace(b"+", b" ")
    if b"%" in text:
        text = _BROKEN_CODE.sub(b"%25", text)
        text = a2b_qp(text.replace(b"=", b"=3D").replace(b"%", b"="))
    return text.decode()


# Parameters to structures


def read_structure(shape: type[Shape], parameters: Parameter, path: str = "") -> Shape:
    """The structure that hangs below `parameters`; `path` is what their names begin with, for error texts.

    A required list or map that is absent is an empty one: the protocol has no other way to write that.
    """
    read = ((member.field, _read_member(member, parameters, path)) for member in members(shape))
    return shape(**{field: value for field, value in read if value is not None})


def _gives_way(kind: Kind, parameters: Parameter) -> bool:
    """Whether a list is there beside the parameter that wins over it."""
    return isinstance(kind, ListOf) and kind.query.unless in parameters.below


def _read_member(member: Member, parameters: Parameter, path: str) -> Any:
    below = parameters.below
    parameter = below.get(member.query_name) or below.get(member.name)
    value = None
    if parameter is not None and not _gives_way(member.kind, parameters):
        value = _read(member.kind, parameter, path + member.query_name)
    if value is None and member.required:
        value = nothing(member.kind)
        if value is None:
            raise MissingParameter.named(path + member.query_name)
    return value


def _read(kind: Kind, parameter: Parameter, path: str) -> Any:
    match kind:
        case Scalar(scalar_type):
            return None if parameter.value is None else _read_scalar(scalar_type, parameter.value, path)
        case Structure(shape):
            return read_structure(shape, parameter, f"{path}.")
        case ListOf():
            return _read_list(kind, parameter, path)
        case MapOf():
            return _read_map(kind, parameter, path)


def _read_list(kind: ListOf, parameter: Parameter, path: str) -> list[Any]:
    if parameter.value and not parameter.below:
        return [_read(kind.item, parameter, path)]
    values = (_read(kind.item, one, kind.query.item(path, number)) for number, one in parameter.numbered())
    return [value for value in values if value is not None]


def _read_map(kind: MapOf, parameter: Parameter, path: str) -> dict[str, Any]:
    """The entries by number, or the one that is written without any: `Attribute.Name=Policy&Attribute.Value=`."""
    if kind.query.key in parameter.below:
        return _read_entries(kind, [("", parameter)], path)
    return _read_entries(kind, [(f".{number}", entry) for number, entry in parameter.numbered()], path)


def _read_entries(kind: MapOf, numbered: list[tuple[str, Parameter]], path: str) -> dict[str, Any]:
    entries = {}
    for number, entry in numbered:
        key, value = entry.below.get(kind.query.key), entry.below.get(kind.query.value)
        if key is None or key.value is None:
            raise MissingParameter.named(f"{path}{number}.{kind.query.key}")
        value_path = f"{path}{number}.{kind.query.value}"
        read = None if value is None else _read(kind.value, value, value_path)
        if read is None:
            raise MissingParameter.named(value_path)
        entries[key.value] = read
    return entries


def _read_scalar(scalar_type: type, text: str, path: str) -> Any:
    try:
        return read_scalar(scalar_type, text)
    except ValueError as error:
        raise InvalidParameterValue(f"Value {text} for parameter {path} is invalid. Reason: {error}") from error


# Structures to parameters


def write_structure(value: Shape, path: str = "") -> Iterator[tuple[str, str]]:
    """The parameters that say `value`, by name and text."""
    for member in members(type(value)):
        if (one := getattr(value, member.field)) is not None:
            yield from _write(member.kind, one, path + member.query_name)


def _write(kind: Kind, value: Any, path: str) -> Iterator[tuple[str, str]]:
    match kind:
        case Scalar(scalar_type):
            yield path, write_scalar(scalar_type, value)
        case Structure():
            yield from write_structure(value, f"{path}.")
        case ListOf(item, query):
            for number, one in enumerate(value, 1):
                yield from _write(item, one, query.item(path, number))
        case MapOf(item, query):
            for number, (key, one) in enumerate(value.items(), 1):
                yield f"{path}.{number}.{query.key}", key
                yield from _write(item, one, f"{path}.{number}.{query.value}")
