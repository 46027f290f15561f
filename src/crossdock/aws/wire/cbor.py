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
ITEMS_MAX = 150_000
"""In all lists and maps of one body together: more than there are numbers in a megabyte."""
INTEGERS = (-(1 << 63), (1 << 63) - 1)

UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
"""The major types."""

MOMENT_TAG = 1
FALSE, TRUE, NULL, UNDEFINED, HALF, SINGLE, DOUBLE, BREAK = 0xF4, 0xF5, 0xF6, 0xF7, 0xF9, 0xFA, 0xFB, 0xFF
"""Items by their first byte."""

_FLOATS = {HALF: struct.Struct(">e"), SINGLE: struct.Struct(">f"), DOUBLE: struct.Struct(">d")}
_double = struct.Struct(">Bd")
_tagged_double = struct.Struct(">BBd")


# Bytes to values


class _Missing(Exception):
    """A required member is absent; on its way up it learns the names that it stands under."""

    def __init__(self, path: str) -> None:
        self.path = path


class Reader:
    """Reads the one structure that a body holds."""

    __slots__ = ("_at", "_data", "_items_left")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._items_left = ITEMS_MAX

    def read(self, shape: type[Shape]) -> Shape:
        """The structure. Raises MissingParameter, or Serialization for anything else that is wrong."""
        try:
            return self._structure(shape)
        except _Missing as missing:
            path = missing.path[1:]
        raise MissingParameter.named(path)

    def _structure(self, shape: type[Shape]) -> Shape:
        layout = _layout(shape)
        values: dict[str, Any] = {}
        for _ in self._items(MAP):
            known = layout.get(self._string(TEXT))
            if known is None:
                self._pass_over(0)
                continue
            member, read = known
            if member.field in values:
                raise self._wrong(f"{member.name} is there twice")
            try:
                values[member.field] = None if self._is_null() else read(self)
            except _Missing as missing:
                missing.path = f".{member.name}{missing.path}"
                raise
        for member, _ in layout.values():
            if member.required and values.get(member.field) is None:
                raise _Missing(f".{member.name}")
        return shape(**values)

    def _list(self, kind: ListOf) -> list[Any]:
        read = _reader(kind.item)
        values: list[Any] = []
        try:
            for _ in self._items(ARRAY):
                if self._is_null():
                    raise self._wrong("an item is null")
                values.append(read(self))
        except _Missing as missing:
            missing.path = kind.query.item("", len(values) + 1) + missing.path
            raise
        return values

    def _map(self, kind: MapOf) -> dict[str, Any]:
        read = _reader(kind.value)
        entries: dict[str, Any] = {}
        for _ in self._items(MAP):
            key = self._text()
            if key in entries or self._is_null():
                raise self._wrong("a key is there twice, or without a value")
            entries[key] = read(self)
        return entries

    def _is_null(self) -> bool:
        """Whether the next item is null, which is then read."""
        null = self._peek() in (NULL, UNDEFINED)
        self._at += null
        return null

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
            self._allow(count)
            for _ in range(count):
                yield
            return
        while self._peek() != BREAK:
            self._allow(1)
            yield
        self._at += 1

    def _allow(self, count: int) -> None:
        self._items_left -= count
        if self._items_left < 0:
            raise self._wrong(f"there are more than {ITEMS_MAX} items")

    def _string(self, expected: int) -> bytes:
        data, at = self._data, self._at
        if at < len(data) and 0 <= (short := data[at] - (expected << 5)) < 24 and (end := at + 1 + short) <= len(data):
            self._at = end  # most are short: they make no detour
            return data[at + 1 : end]
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
        form = _FLOATS.get(self._peek())
        if form is None:
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
        if depth > DEPTH_MAX:
            raise self._wrong("what is not known is nested too deeply")
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


_Read = Callable[[Reader], Any]

_SCALARS: dict[type, _Read] = {
    str: Reader._text,
    int: Reader._integer,
    float: Reader._number,
    bool: Reader._boolean,
    bytes: Reader._blob,
    Moment: Reader._moment,
}


@cache
def _layout(shape: type[Shape]) -> dict[bytes, tuple[Member, _Read]]:
    """The members of a structure by name, each with what reads it."""
    return {member.name.encode(): (member, _reader(member.kind)) for member in members(shape)}


@cache
def _reader(kind: Kind) -> _Read:
    """What reads a value of a kind that is not null."""
    match kind:
        case Scalar(scalar_type):
            return _SCALARS[scalar_type]
        case Structure(shape):
            return lambda reader: reader._structure(shape)
        case ListOf():
            return lambda reader: reader._list(kind)
        case MapOf():
            return lambda reader: reader._map(kind)


# Values to bytes


def write(kind: Kind, value: Any, out: list[bytes]) -> None:
    """Append a value. Members of structures that are None are left out."""
    match kind:
        case Scalar(scalar_type):
            out.append(_WRITERS[scalar_type](value))
        case Structure():
            _write_structure(value, out)
        case ListOf(Scalar(scalar_type)):
            out.append(_head(ARRAY, len(value)))
            out += map(_WRITERS[scalar_type], value)
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
    Moment: lambda value: _tagged_double.pack(TAG << 5 | MOMENT_TAG, DOUBLE, value),
}
