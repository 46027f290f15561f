"""JSON request bodies into typed values: the checks that every HTTP API of ours makes, and the problems that they raise.

Decimals are read digit for digit, never through a binary float. Which rules a value obeys beyond its types is its model's affair.
"""

from http import HTTPStatus
from typing import TypeVar

import msgspec

from crossdock.services.problems import Problem, unprocessable

T = TypeVar("T")


def require_json(content_type: str | None) -> None:
    """Raise 415 unless the media type is JSON."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body must be sent with Content-Type: application/json")


def too_large(limit: int) -> Problem:
    """413: the body has more than `limit` bytes."""
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {limit} bytes")


def decode(body: bytes, kind: type[T]) -> T:
    """The typed value of a body. Raises 400 when it is not JSON, 422 when it does not fit the type."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise unprocessable(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is not valid JSON: {error}") from None
