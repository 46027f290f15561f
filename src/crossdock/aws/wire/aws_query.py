"""The AWS Query protocol, both directions: form parameters by POST or GET, to `/` or to a queue's own path; answers in XML, or in JSON for
those who ask.

This module knows actions, paths, headers and errors. How structures travel is in `query_form` (requests), `query_xml` and
`query_json` (answers).
"""

from typing import Protocol
from urllib.parse import urlencode

from crossdock.aws.errors import ApiError, InvalidAction, UnknownOperation, error_named
from crossdock.aws.shapes import Operation, Service, Shape
from crossdock.aws.wire.http import REQUEST_ID, HttpRequest, HttpResponse
from crossdock.aws.wire.query_form import Parameter, parse_form, read_structure, write_structure
from crossdock.aws.wire.query_xml import read_error, read_result

UNKNOWN_OPERATION = b"<UnknownOperationException/>"

FORM = "application/x-www-form-urlencoded; charset=utf-8"


class Answers(Protocol):
    """How answers are written."""

    content_type: str

    def result(self, operation: Operation, result: Shape | None, request_id: str) -> bytes:
        """The body of the answer to an operation that succeeded."""

    def error(self, error: ApiError, request_id: str) -> bytes:
        """The body of the answer to an operation that failed."""


class QueryCodec:
    """Requests, results and errors of one service as AWS Query."""

    def __init__(self, service: Service, answers: Answers) -> None:
        self.service = service.name
        self._operations = service.operations
        self._path_parameter = service.path_parameter
        self._version = service.version
        self._answers = answers
        self._content_type = ("Content-Type", answers.content_type)

    # The server's side

    def decode(self, request: HttpRequest) -> tuple[Operation, Shape]:
        """The operation and its input.

        Raises UnknownOperation where no action is named, InvalidAction for one that does not exist here, MalformedQueryString,
        MissingParameter or InvalidParameterValue for bad parameters.
        """
        parameters = parse_form(request.query, request.body)
        action = parameters.text("Action")
        if not action:
            raise UnknownOperation
        resource = _resource_path(request)
        operation = self._operations.get(action)
        if operation is None or (operation.account_level and resource):
            raise InvalidAction(f"The action {action} is not valid for this endpoint.")
        if resource and (name := self._path_parameter) and not parameters.text(name):
            parameters.below[name] = Parameter(resource)
        return operation, read_structure(operation.input, parameters)

    def encode(self, operation: Operation, result: Shape | None, request_id: str) -> HttpResponse:
        """The response to an operation that succeeded."""
        return self._response(200, self._answers.result(operation, result, request_id), request_id)

    def encode_error(self, error: ApiError, request_id: str) -> HttpResponse:
        """The response to an operation that failed. Where no action is named at all, AWS answers in XML of another kind, whoever asks, and
        with status 404."""
        if isinstance(error, UnknownOperation):
            return HttpResponse(404, UNKNOWN_OPERATION, (("Content-Type", "text/xml"), (REQUEST_ID, request_id)))
        return self._response(error.status, self._answers.error(error, request_id), request_id)

    def _response(self, status: int, body: bytes, request_id: str) -> HttpResponse:
        return HttpResponse(status, body, (self._content_type, (REQUEST_ID, request_id)))

    # The client's side; answers are read in XML

    def encode_request(self, operation: Operation, value: Shape) -> HttpRequest:
        """The request for an operation, to be completed by Host and a signature."""
        parameters = [("Action", operation.name), ("Version", self._version), *write_structure(value)]
        return HttpRequest("POST", "/", {"content-type": FORM}, urlencode(parameters).encode())

    def decode_response(self, operation: Operation, response: HttpResponse) -> Shape | None:
        """The result of an operation. The ApiError that the response tells, or a plain ApiError if it cannot be read."""
        try:
            if response.status >= 300:
                raise _told_error(response)
            return read_result(operation, response.body)
        except ValueError as error:
            raise ApiError(f"The response (status {response.status}) could not be read: {error}") from error


def _told_error(response: HttpResponse) -> ApiError:
    """The error that a response tells. ValueError if it cannot be read."""
    told = read_error(response.body)
    code = told.get("Code", "")
    return error_named(code, code, response.status, told.get("Type", ""))(told.get("Message"))


def _resource_path(request: HttpRequest) -> str:
    """The path of the queue that a request is addressed to, `/123456789012/orders`; empty when it is the service's own."""
    path = request.path.rstrip("/")
    return path if path.count("/") > 1 else ""
