"""Texts, numbers, truth values, blobs and moments as the Query protocol writes them, in forms and in XML alike."""

import math
from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from crossdock.aws.shapes import MOMENTS, Kind, ListOf, MapOf, Moment

INTEGER_DIGITS_MAX = 18

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_NUMBER = frozenset("0123456789+-.eE")


def is_digits(text: str) -> bool:
    """Whether `text` is one or more of 0 to 9; other digits of Unicode do not count."""
    return text.isascii() and text.isdigit()


def _read_integer(text: str) -> int:
    digits = text.removeprefix("-")
    if len(digits) > INTEGER_DIGITS_MAX or not is_digits(digits):
        raise ValueError("Must be an integer.")
    return int(text)


def _read_boolean(text: str) -> bool:
    lower = text.lower()
    if lower not in ("true", "false"):
        raise ValueError("Must be true or false.")
    return lower == "true"


def _read_blob(text: str) -> bytes:
    try:
        return a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise ValueError("Must be Base64-encoded.") from error


def _read_number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or not _NUMBER.issuperset(text):
        raise ValueError("Must be a number.")
    return number


def _read_moment(text: str) -> float:
    """A moment in ISO 8601, in UTC where it has no offset of its own."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("Must be a timestamp as of ISO 8601.") from error
    seconds = ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) / _SECOND
    return min(max(seconds, MOMENTS[0]), MOMENTS[1])


def _write_moment(moment: float) -> str:
    """`2026-11-24T13:00:00Z`, with milliseconds where there are any."""
    milliseconds = round(moment * 1_000)
    whole = _EPOCH + timedelta(milliseconds=milliseconds)
    return whole.replace(tzinfo=None).isoformat(timespec="milliseconds" if milliseconds % 1_000 else "seconds") + "Z"


_READERS: dict[type, Callable[[str], Any]] = {
    str: str,
    int: _read_integer,
    bool: _read_boolean,
    bytes: _read_blob,
    float: _read_number,
    Moment: _read_moment,
}


def read_scalar(scalar_type: type, text: str) -> Any:
    """The value that `text` stands for. ValueError, with the reason as AWS words it, if there is none."""
    return _READERS[scalar_type](text)


def write_scalar(scalar_type: type, value: Any) -> str:
    """The text that stands for a value."""
    match value:
        case _ if scalar_type is Moment:
            return _write_moment(value)
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case bytes():
            return b64encode(value).decode()
    return str(value)


def nothing(kind: Kind) -> Any:
    """What an absent member is: an empty list or map, since the protocol has no other way to write one; None for anything else."""
    match kind:
        case ListOf():
            return []
        case MapOf():
            return {}
    return None
