"""Which service is asked, and which protocol a request speaks."""

import re
from typing import Protocol

from crossdock.aws.api import cloudwatch, sqs
from crossdock.aws.errors import ApiError
from crossdock.aws.shapes import Operation, Service, Shape
from crossdock.aws.wire import aws_json
from crossdock.aws.wire.aws_json import JsonCodec
from crossdock.aws.wire.aws_query import QueryCodec
from crossdock.aws.wire.http import HttpRequest, HttpResponse
from crossdock.aws.wire.query_json import JsonAnswers
from crossdock.aws.wire.query_xml import XmlAnswers
from crossdock.aws.wire.rpc_v2_cbor import CborCodec


class Codec(Protocol):
    """The server's side of a protocol. Raises ApiError and nothing else, whatever a request holds."""

    service: str
    """Which service it is that speaks it: the name in the credential scope of its signatures."""

    def decode(self, request: HttpRequest) -> tuple[Operation, Shape]:
        """The operation that a request asks for, and its input."""

    def encode(self, operation: Operation, result: Shape | None, request_id: str) -> HttpResponse:
        """The response to an operation that succeeded; None is an empty result."""

    def encode_error(self, error: ApiError, request_id: str) -> HttpResponse:
        """The response to an operation that failed."""


class Codecs:
    """The protocols that one service speaks."""

    def __init__(self, service: Service) -> None:
        self.json = JsonCodec(service)
        self._query_xml = QueryCodec(service, XmlAnswers(service))
        self._query_json = QueryCodec(service, JsonAnswers())

    def query(self, request: HttpRequest) -> Codec:
        """Query, answered in JSON where the request asks for that."""
        return self._query_json if "application/json" in request.headers.get("accept", "") else self._query_xml


_SQS = Codecs(sqs.SERVICE)
_CLOUDWATCH = Codecs(cloudwatch.SERVICE)

_BY_TARGET: dict[str, Codec] = {
    f"{service.json_target}.{name}": codecs.json
    for codecs, service in ((_SQS, sqs.SERVICE), (_CLOUDWATCH, cloudwatch.SERVICE))
    for name in service.operations
}

_CLOUDWATCH_CBOR = CborCodec(cloudwatch.SERVICE)
_CLOUDWATCH_PATH = f"/service/{cloudwatch.SERVICE.json_target}/"

_BY_VERSION = {sqs.SERVICE.version.encode(): _SQS, cloudwatch.SERVICE.version.encode(): _CLOUDWATCH}
_FIRST_PARAMETERS = re.compile(rb"(?:Action=\w+&)?Version=([\d-]+)(?:&|$)")
"""Where SDKs say the version."""
_CLOUDWATCH_VERSION = f"Version={cloudwatch.SERVICE.version}".encode()
_CLOUDWATCH_PARAMETER = re.compile(rb"(?:^|&)%b(?:&|$)" % _CLOUDWATCH_VERSION)


def find_codec(request: HttpRequest) -> Codec:
    """Who reads a request: by its target, its path (CBOR) or the version among its parameters (Query).

    Where nothing says otherwise it is one to SQS, in Query.
    """
    target = request.headers.get(aws_json.TARGET)
    if target is not None:
        return _BY_TARGET.get(target) or _unknown_target(target)
    if request.headers.get("content-type", "").startswith("application/x-amz-json"):
        return _SQS.json
    if request.target.startswith(_CLOUDWATCH_PATH):
        return _CLOUDWATCH_CBOR
    return _queried(request).query(request)


def _unknown_target(target: str) -> Codec:
    """Who refuses an operation that does not exist."""
    return (_CLOUDWATCH if target.startswith(f"{cloudwatch.SERVICE.json_target}.") else _SQS).json


def _queried(request: HttpRequest) -> Codecs:
    """The service whose version is among the parameters. Few texts hold that of CloudWatch, so that most need no second look."""
    first = _FIRST_PARAMETERS.match(request.body)
    if first is not None:
        return _BY_VERSION.get(first[1], _SQS)
    for parameters in (request.body, request.query.encode("latin-1", "replace")):
        if _CLOUDWATCH_VERSION in parameters and _CLOUDWATCH_PARAMETER.search(parameters):
            return _CLOUDWATCH
    return _SQS
