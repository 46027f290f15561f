"""Which protocol a request speaks."""

from typing import Protocol

from crossdock.aws.api import sqs
from crossdock.aws.errors import ApiError
from crossdock.aws.shapes import Operation, Service, Shape
from crossdock.aws.wire import aws_json
from crossdock.aws.wire.aws_json import JsonCodec
from crossdock.aws.wire.aws_query import QueryCodec
from crossdock.aws.wire.http import HttpRequest, HttpResponse
from crossdock.aws.wire.query_json import JsonAnswers
from crossdock.aws.wire.query_xml import XmlAnswers


class Codec(Protocol):
    """The server's side of a protocol. Raises ApiError and nothing else, whatever a request holds."""

    def decode(self, request: HttpRequest) -> tuple[Operation, Shape]:
        """The operation that a request asks for, and its input."""

    def encode(self, operation: Operation, result: Shape | None, request_id: str) -> HttpResponse:
        """The response to an operation that succeeded; None is an empty result."""

    def encode_error(self, error: ApiError, request_id: str) -> HttpResponse:
        """The response to an operation that failed."""


class Codecs:
    """The protocols that one service speaks."""

    def __init__(self, service: Service) -> None:
        self._json = JsonCodec(service)
        self._query_xml = QueryCodec(service, XmlAnswers(service))
        self._query_json = QueryCodec(service, JsonAnswers())

    def find(self, request: HttpRequest) -> Codec:
        """The protocol of a request, by its headers alone; Query where nothing says otherwise."""
        headers = request.headers
        if aws_json.TARGET in headers or headers.get("content-type", "").startswith("application/x-amz-json"):
            return self._json
        return self._query_json if "application/json" in headers.get("accept", "") else self._query_xml


find_codec = Codecs(sqs.SERVICE).find
"""The protocol of a request to SQS."""
