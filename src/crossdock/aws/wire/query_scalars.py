"""Texts, numbers, truth values and blobs as the Query protocol writes them, in forms and in XML alike."""

from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Callable
from typing import Any

from crossdock.aws.shapes import Kind, ListOf, MapOf

INTEGER_DIGITS_MAX = 18


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
        return float(text)
    except ValueError as error:
        raise ValueError("Must be a number.") from error


_READERS: dict[type, Callable[[str], Any]] = {
    str: str,
    int: _read_integer,
    bool: _read_boolean,
    bytes: _read_blob,
    float: _read_number,
}


def read_scalar(scalar_type: type, text: str) -> Any:
    """The value that `text` stands for. ValueError, with the reason as AWS words it, if there is none."""
    return _READERS[scalar_type](text)


def write_scalar(value: str | int | float | bool | bytes) -> str:
    """The text that stands for a value."""
    match value:
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
