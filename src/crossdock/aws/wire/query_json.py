"""The answers of the Query protocol in JSON, for callers that send `Accept: application/json`.

It is another JSON than that of AWS JSON 1.0: results are wrapped as `{"ListQueuesResponse": {"ListQueuesResult": …}}`, maps are lists of
pairs, and absent members are null.
"""

from typing import Any

import msgspec

from crossdock.aws.errors import ApiError
from crossdock.aws.shapes import Kind, ListOf, MapOf, Member, Operation, Shape, Structure, members

_encode = msgspec.json.Encoder().encode


class JsonAnswers:
    """Writes answers."""

    content_type = "application/json"

    def result(self, operation: Operation, result: Shape | None, request_id: str) -> bytes:
        """The body of the answer to an operation that succeeded."""
        answer: dict[str, Any] = {"ResponseMetadata": {"RequestId": request_id}}
        if operation.output is not None:
            answer[f"{operation.name}Result"] = _document(operation.output, result)
        return _encode({f"{operation.name}Response": answer})

    def error(self, error: ApiError, request_id: str) -> bytes:
        """The body of the answer to an operation that failed."""
        told = {
            "Code": error.code,
            "Message": error.query_message or error.message,
            "Type": "Sender" if error.sender_fault else "Receiver",
        }
        return _encode({"Error": told, "RequestId": request_id})


def _document(shape: type[Shape], value: Shape | None) -> dict[str, Any]:
    return {_json_name(member): _plain(member.kind, getattr(value, member.field, None)) for member in members(shape)}


def _json_name(member: Member) -> str:
    return (isinstance(member.kind, ListOf) and member.kind.query.json_name) or member.name


def _plain(kind: Kind, value: Any) -> Any:
    match kind:
        case _ if value is None:
            return None
        case Structure(shape):
            return _document(shape, value)
        case ListOf(item):
            return [_plain(item, one) for one in value]
        case MapOf(item, query):
            return [{query.key: key, query.value: _plain(item, one)} for key, one in value.items()]
    return value
