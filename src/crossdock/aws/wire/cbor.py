"""CBOR, as much of it as shapes need: bytes to values and back.

Reading is led by the shape. What is not declared is passed over, not built, so that no request becomes much more in memory than it was on
the wire, and of the tags only that of a moment means anything. A general reader would first build whatever is sent.

Source: RFC 8949; the Smithy specification of RPC v2 CBOR for what is tolerated (any width of a number, `undefined` as null).
"""

import math
import struct
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from crossdock.aws.errors import MissingParameter, Serialization
from crossdock.aws.shapes import MOMENTS, Kind, ListOf, MapOf, Member, Moment, Scalar, Shape, Structure, members

DEPTH_MAX = 16
"""How deeply what is not declared may be nested."""
PASSED_OVER_MAX = 10_000
"""How many items may be there that are not declared."""
INTEGERS = (-(1 << 63), (1 << 63) - 1)

UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
"""The major types."""

MOMENT_TAG = 1
FALSE, TRUE, NULL, UNDEFINED, HALF, SINGLE, DOUBLE, BREAK = 0xF4, 0xF5, 0xF6, 0xF7, 0xF9, 0xFA, 0xFB, 0xFF
"""Items by their first byte."""

_FLOATS = {HALF: struct.Struct(">e"), SINGLE: struct.Struct(">f"), DOUBLE: struct.Struct(">d")}
_double = struct.Struct(">Bd")
_moment = struct.Struct(">BBd")


@cache
def _by_name(shape: type[Shape]) -> dict[str, Member]:
    return {member.name: member for member in members(shape)}


# Bytes to values


class Reader:
    """Reads one value. Raises MissingParameter, or Serialization for anything else that is wrong."""

    __slots__ = ("_at", "_data", "_passed_over")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._passed_over = 0

    def structure(self, shape: type[Shape], path: str = "") -> Shape:
        """A structure. `path` is what the names of its members begin with, for error texts."""
        named = _by_name(shape)
        values: dict[str, Any] = {}
        for _ in self._items(MAP):
            name = self._text()
            member = named.get(name)
            if member is None:
                self._pass_over(0)
            elif member.field in values:
                raise self._wrong(f"{path}{name} is there twice")
            else:
                values[member.field] = self._value(member.kind, path + name)
        for member in named.values():
            if member.required and values.get(member.field) is None:
                raise MissingParameter.named(path + member.name)
        return shape(**values)

    def _value(self, kind: Kind, path: str) -> Any:
        if self._peek() in (NULL, UNDEFINED):
            self._at += 1
            return None
        match kind:
            case Scalar(scalar_type):
                return _READERS[scalar_type](self)
            case Structure(shape):
                return self.structure(shape, f"{path}.")
            case ListOf(item, query):
                return [self._item(item, query.item(path, number)) for number, _ in enumerate(self._items(ARRAY), 1)]
            case MapOf(item):
                return self._map(item, path)

    def _map(self, item: Kind, path: str) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        for _ in self._items(MAP):
            key = self._text()
            if key in entries:
                raise self._wrong(f"{path} has a key twice")
            entries[key] = self._item(item, path)
        return entries

    def _item(self, kind: Kind, path: str) -> Any:
        value = self._value(kind, path)
        if value is None:
            raise self._wrong(f"{path} is null")
        return value

    def _wrong(self, what: str) -> Serialization:
        return Serialization(f"The request body could not be read: {what}, before byte {self._at}.")

    def _peek(self) -> int:
        if self._at >= len(self._data):
            raise self._wrong("it ends too early")
        return self._data[self._at]

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise self._wrong("it ends too early")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def _head(self) -> tuple[int, int | None]:
        """The major type of the next item, and its argument; None for a length that is not told."""
        first = self._peek()
        self._at += 1
        major, information = first >> 5, first & 0x1F
        if information < 24:
            return major, information
        if information < 28:
            return major, int.from_bytes(self._take(1 << (information - 24)))
        if information == 31 and BYTES <= major <= MAP:
            return major, None
        raise self._wrong("there is no such item")

    def _items(self, expected: int) -> Iterator[None]:
        """Once for each item of a list, or entry of a map, that is then to be read."""
        major, count = self._head()
        if major != expected:
            raise self._wrong(f"a {'list' if expected == ARRAY else 'map'} is due")
        yield from self._counted(count)

    def _counted(self, count: int | None) -> Iterator[None]:
        if count is not None:
            for _ in range(count):
                yield
            return
        while self._peek() != BREAK:
            yield
        self._at += 1

    def _string(self, expected: int) -> bytes:
        major, size = self._head()
        if major != expected:
            raise self._wrong(f"a {'text' if expected == TEXT else 'blob'} is due")
        return self._take(size) if size is not None else b"".join(self._pieces(expected))

    def _pieces(self, expected: int) -> Iterator[bytes]:
        for _ in self._counted(None):
            major, size = self._head()
            if major != expected or size is None:
                raise self._wrong("the pieces of a text or blob are not alike")
            yield self._take(size)

    def _blob(self) -> bytes:
        return self._string(BYTES)

    def _text(self) -> str:
        try:
            return self._string(TEXT).decode()
        except UnicodeDecodeError as error:
            raise self._wrong("a text is not valid UTF-8") from error

    def _boolean(self) -> bool:
        (first,) = self._take(1)
        if first not in (FALSE, TRUE):
            raise self._wrong("true or false is due")
        return first == TRUE

    def _number(self) -> float:
        if (form := _FLOATS.get(self._peek())) is None:
            return float(self._integer())
        self._at += 1
        number: float = form.unpack(self._take(form.size))[0]
        if not math.isfinite(number):
            raise self._wrong("a number is not finite")
        return number

    def _integer(self) -> int:
        """A number that is whole, however it is written."""
        if self._peek() in _FLOATS:
            number = self._number()
            if not number.is_integer():
                raise self._wrong("a whole number is due")
            value = int(number)
        else:
            major, argument = self._head()
            if major not in (UNSIGNED, NEGATIVE) or argument is None:
                raise self._wrong("a number is due")
            value = argument if major == UNSIGNED else -1 - argument
        if not INTEGERS[0] <= value <= INTEGERS[1]:
            raise self._wrong("a number is too large")
        return value

    def _moment(self) -> float:
        """Seconds in a tag of their own, or bare."""
        if self._peek() >> 5 == TAG and self._head() != (TAG, MOMENT_TAG):
            raise self._wrong("a timestamp is due")
        moment = self._number()
        if not MOMENTS[0] <= moment <= MOMENTS[1]:
            raise self._wrong("a timestamp is not of the years 1 to 9999")
        return moment

    def _pass_over(self, depth: int) -> None:
        """Read an item of any kind without keeping it."""
        self._passed_over += 1
        if depth > DEPTH_MAX or self._passed_over > PASSED_OVER_MAX:
            raise self._wrong("there is too much that is not known")
        major, argument = self._head()
        if major in (ARRAY, MAP):
            for _ in self._counted(argument):
                for _ in range(1 if major == ARRAY else 2):
                    self._pass_over(depth + 1)
        elif major == TAG:
            self._pass_over(depth + 1)
        elif major in (BYTES, TEXT):
            for _ in self._pieces(major) if argument is None else self._take(argument)[:0]:
                pass


_READERS = {
    str: Reader._text,
    int: Reader._integer,
    float: Reader._number,
    bool: Reader._boolean,
    bytes: Reader._blob,
    Moment: Reader._moment,
}


# Values to bytes


def write(kind: Kind, value: Any, out: list[bytes]) -> None:
    """Append a value. Members of structures that are None are left out."""
    match kind:
        case Scalar(scalar_type):
            out.append(_WRITERS[scalar_type](value))
        case Structure():
            _write_structure(value, out)
        case ListOf(item):
            out.append(_head(ARRAY, len(value)))
            for one in value:
                write(item, one, out)
        case MapOf(item):
            out.append(_head(MAP, len(value)))
            for key, one in value.items():
                out.append(text(key))
                write(item, one, out)


def _write_structure(value: Shape, out: list[bytes]) -> None:
    told = [(member, one) for member in members(type(value)) if (one := getattr(value, member.field)) is not None]
    out.append(_head(MAP, len(told)))
    for member, one in told:
        out.append(text(member.name))
        write(member.kind, one, out)


def text_map(texts: dict[str, str]) -> bytes:
    """A map of texts."""
    return _head(MAP, len(texts)) + b"".join(text(part) for pair in texts.items() for part in pair)


def text(value: str) -> bytes:
    """A text."""
    return _string(TEXT, value.encode())


def _string(major: int, encoded: bytes) -> bytes:
    return _head(major, len(encoded)) + encoded


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes((major << 5 | argument,))
    power = next(power for power in range(4) if argument < 1 << (8 << power))
    return bytes((major << 5 | 24 + power,)) + argument.to_bytes(1 << power)


def _integer(value: int) -> bytes:
    return _head(UNSIGNED, value) if value >= 0 else _head(NEGATIVE, -1 - value)


_WRITERS: dict[type, Callable[[Any], bytes]] = {
    str: text,
    int: _integer,
    float: lambda value: _double.pack(DOUBLE, value),
    bool: lambda value: bytes((TRUE if value else FALSE,)),
    bytes: lambda value: _string(BYTES, value),
    Moment: lambda value: _moment.pack(TAG << 5 | MOMENT_TAG, DOUBLE, value),
}
