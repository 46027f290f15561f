"""Errors of the HTTP APIs as RFC 9457 problem details: one value, one way to raise it, one way to write it."""

from http import HTTPStatus
from typing import Any

import msgspec

PROBLEM_JSON = "application/problem+json"


class Problem(Exception):
    """A request that is refused.

    `detail` is a sentence for the caller; `extra` is added to the problem's members. The type is `about:blank`, so the title is the
    phrase of the status, as the RFC asks.
    """

    def __init__(self, status: HTTPStatus, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.extra = extra

    def body(self) -> bytes:
        """The JSON of the problem."""
        return msgspec.json.encode(
            {"type": "about:blank", "title": self.status.phrase, "status": int(self.status), "detail": self.detail}
            | self.extra
        )


def not_found(what: str, name: str) -> Problem:
    """404: nothing of that name."""
    return Problem(HTTPStatus.NOT_FOUND, f"{what} {name!r} does not exist")


def unprocessable(detail: str, **extra: Any) -> Problem:
    """422: well-formed, but it breaks a rule."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, **extra)


def conflict(detail: str, **extra: Any) -> Problem:
    """409: not in the present state."""
    return Problem(HTTPStatus.CONFLICT, detail, **extra)
