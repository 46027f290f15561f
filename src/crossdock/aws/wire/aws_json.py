"""AWS JSON 1.0, both directions: `POST /` with the operation in `X-Amz-Target` and one JSON object as the body.

What SQS adds to the protocol (`awsQueryCompatible`): errors carry the legacy code of the Query era in a header of their own. Sources: the
Smithy specification of AWS JSON 1.0, botocore's parsers, recordings of AWS.
"""

import re
from collections.abc import Callable
from typing import Any, cast

import msgspec

from crossdock.aws.errors import (
    ApiError,
    MissingParameter,
    QueueDoesNotExist,
    Serialization,
    UnknownOperation,
    error_named,
)
from crossdock.aws.shapes import Kind, ListOf, MapOf, Operation, Scalar, Service, Shape, Structure, members
from crossdock.aws.wire.http import REQUEST_ID, HttpRequest, HttpResponse

TARGET = "x-amz-target"
CONTENT_TYPE = "application/x-amz-json-1.0"
QUERY_ERROR = "x-amzn-query-error"

FRAMEWORK = "com.amazon.coral.service"
"""The namespace of errors that no service has for itself."""

_CONTENT_TYPE_HEADER = ("Content-Type", CONTENT_TYPE)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_encode = msgspec.json.Encoder().encode


class JsonCodec:
    """Requests, results and errors of one service as AWS JSON 1.0."""

    def __init__(self, service: Service) -> None:
        self.service = service.name
        self._namespace = service.error_namespace
        self._target = f"{service.json_target}."
        self._routes: dict[str, tuple[Operation, Callable[[bytes], Shape]]] = {
            self._target + operation.name: (operation, msgspec.json.Decoder(operation.input).decode)
            for operation in service.operations.values()
        }

    # The server's side

    def decode(self, request: HttpRequest) -> tuple[Operation, Shape]:
        """The operation and its input. UnknownOperation, Serialization, QueueDoesNotExist or MissingParameter where there is none."""
        route = self._routes.get(request.headers.get(TARGET, ""))
        if route is None:
            raise UnknownOperation
        operation, read = route
        try:
            return operation, read(request.body)
        except _UNREADABLE:
            return operation, _read_again(operation.input, request.body)

    def encode(self, operation: Operation, result: Shape | None, request_id: str) -> HttpResponse:
        """The response to an operation that succeeded; without a body where the operation answers nothing."""
        body = b"" if result is None else _encode(result)
        return HttpResponse(200, body, (_CONTENT_TYPE_HEADER, (REQUEST_ID, request_id)))

    def encode_error(self, error: ApiError, request_id: str) -> HttpResponse:
        """The response to an operation that failed."""
        namespace = FRAMEWORK if error.common else self._namespace
        body = _encode({"__type": f"{namespace}#{error.shape}", "message": error.message})
        headers = (_CONTENT_TYPE_HEADER, (REQUEST_ID, request_id), (QUERY_ERROR, legacy_code(error)))
        return HttpResponse(error.status, body, headers)

    # The client's side

    def encode_request(self, operation: Operation, value: Shape) -> HttpRequest:
        """The request for an operation, to be completed by Host and a signature."""
        headers = {
            "content-type": CONTENT_TYPE,
            TARGET: self._target + operation.name,
            "x-amzn-query-mode": "true",
        }
        return HttpRequest("POST", "/", headers, _encode(value))

    def decode_response(self, operation: Operation, response: HttpResponse) -> Shape | None:
        """The result of an operation. The ApiError that the response tells, or a plain ApiError if it cannot be read."""
        try:
            if response.status >= 300:
                raise _told_error(response)
            return msgspec.json.decode(response.body, type=operation.output) if operation.output else None
        except _UNREADABLE as error:
            raise ApiError(f"The response (status {response.status}) could not be read: {error}") from error


def legacy_code(error: ApiError) -> str:
    """What the header `x-amzn-query-error` says: the code of the Query era, and whose fault it is."""
    return f"{error.code};{'Sender' if error.sender_fault else 'Receiver'}"


def _told_error(response: HttpResponse) -> ApiError:
    """The error that a response tells. An unreadable body raises one of `_UNREADABLE`."""
    told = msgspec.json.decode(response.body, type=dict[str, Any])
    shape = str(told.get("__type", "")).rpartition("#")[2]
    code, _, fault = (response.header(QUERY_ERROR) or "").partition(";")
    error_type = error_named(code or shape, shape or code, response.status, fault)
    return error_type(str(told.get("message") or told.get("Message") or "") or None)


# What the fast decoder refuses


def _integral(text: str) -> int | float:
    """A number with a point or an exponent: AWS takes `5.0` where an integer is due."""
    number = float(text)
    return int(number) if number.is_integer() else number


_read_anything = msgspec.json.Decoder(float_hook=_integral).decode

_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.", re.DOTALL
)
_INTEGER = re.compile("-?[0-9]{1,18}")
_HALF_A_PAIR = len(rb"\ud800")


def _without_halves(body: bytes) -> bytes:
    """The body with each half of a surrogate pair that stands alone written as U+FFFF: in a text, SQS refuses both alike."""
    return _ESCAPE.sub(lambda escape: rb"\uffff" if len(escape[0]) == _HALF_A_PAIR else escape[0], body)


def _read_again(shape: type[Shape], body: bytes) -> Shape:
    """Read a body with patience, as AWS does; name the first missing member, or say what else is wrong."""
    try:
        document = _read_anything(_without_halves(body) or b"{}")
        if not isinstance(document, dict):
            raise Serialization("The request body must be a JSON object.")
        document = _fitting_members(shape, cast(dict[str, Any], document))
        _require(shape, document, "")
        return msgspec.convert(document, shape)
    except UnicodeDecodeError as error:
        raise Serialization("The request body is not valid UTF-8.") from error
    except RecursionError as error:
        raise Serialization("The request body is nested too deeply.") from error
    except msgspec.DecodeError as error:
        raise Serialization(f"The request body could not be read: {error}.") from error


def _fitting_members(shape: type[Shape], document: dict[str, Any]) -> dict[str, Any]:
    """The members that are there, as their kinds want them; null is absent."""
    given = ((member, document.get(member.name)) for member in members(shape))
    return {member.name: _fitting(member.kind, value) for member, value in given if value is not None}


def _fitting(kind: Kind, value: Any) -> Any:
    """A value as its kind wants it: texts may be written as numbers or truth values, integers as digits, and a null in a map is absent.

    Serialization in the words of AWS's framework where a value cannot be meant.
    """
    match kind, value:
        case Structure(shape), dict():
            return _fitting_members(shape, value)
        case ListOf(item), list():
            return [_fitting(item, _element(item, one)) for one in value]
        case MapOf(item), dict():
            return {key: _fitting(item, _element(item, one)) for key, one in value.items() if one is not None}
        case ListOf(), _:
            raise Serialization("Expected list or null")
        case ((Structure() | MapOf()), _):
            raise Serialization("Unexpected value type in payload")
        case Scalar(), dict():
            raise Serialization("Start of structure or map found where not expected.")
        case Scalar(), list():
            raise Serialization("Start of list found where not expected")
        case Scalar(scalar_type), _:
            return _fitting_scalar(scalar_type, value)


def _element(kind: Kind, value: Any) -> Any:
    """An element of a list or map, of which AWS says in other words that it may not be a list."""
    if isinstance(kind, Scalar) and isinstance(value, list):
        raise Serialization("Unrecognized collection type class java.lang.String")
    return value


def _fitting_scalar(scalar_type: type, value: Any) -> Any:
    if scalar_type is str and not isinstance(value, str):
        return _encode(value).decode()
    if scalar_type is int and isinstance(value, bool | str):
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            return int(value)
        token = "STRING" if isinstance(value, str) else str(value).upper()
        raise Serialization(f"{token}_VALUE can not be converted to an Integer")
    return value


def _require(shape: type[Shape], document: dict[str, Any], path: str) -> None:
    """MissingParameter for the first required member that is absent, first here and then further down. An absent QueueUrl names a queue
    that does not exist."""
    for member in members(shape):
        if member.required and document.get(member.name) is None:
            raise QueueDoesNotExist if member.name == "QueueUrl" else MissingParameter.named(path + member.name)
    for member in members(shape):
        _require_within(member.kind, document.get(member.name), path + member.query_name)


def _require_within(kind: Kind, value: object, path: str) -> None:
    match kind, value:
        case Structure(shape), dict():
            _require(shape, cast(dict[str, Any], value), f"{path}.")
        case ListOf(item, query), list():
            for number, one in enumerate(value, 1):
                _require_within(item, one, query.item(path, number))
        case MapOf(item, query), dict():
            for number, one in enumerate(value.values(), 1):
                _require_within(item, one, f"{path}.{number}.{query.value}")
