"""Which service is asked, and which protocol a request speaks."""

import re
from typing import Protocol

from crossdock.aws.api import autoscaling, cloudwatch, sqs
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
        self.service = service
        self.json = JsonCodec(service)
        self._query_xml = QueryCodec(service, XmlAnswers(service))
        self._query_json = QueryCodec(service, JsonAnswers())
        version = f"Version={service.version}".encode()
        self._version = version
        self._version_parameter = re.compile(b"(?:^|&)%b(?:&|$)" % version)

    def query(self, request: HttpRequest) -> Codec:
        """Query, answered in JSON where the request asks for that."""
        return self._query_json if "application/json" in request.headers.get("accept", "") else self._query_xml

    def is_versioned(self, parameters: bytes) -> bool:
        """Whether the service's version is among the parameters. Few texts hold it, so that most need no second look."""
        return self._version in parameters and self._version_parameter.search(parameters) is not None


_SQS = Codecs(sqs.SERVICE)
_OTHERS = (Codecs(cloudwatch.SERVICE), Codecs(autoscaling.SERVICE))
_ALL = (_SQS, *_OTHERS)

_BY_PREFIX = {codecs.service.json_target: codecs for codecs in _ALL}
_BY_TARGET: dict[str, Codec] = {
    f"{prefix}.{name}": codecs.json for prefix, codecs in _BY_PREFIX.items() for name in codecs.service.operations
}
_BY_VERSION = {codecs.service.version.encode(): codecs for codecs in _ALL}

_CBOR = CborCodec(cloudwatch.SERVICE)
_CBOR_PATH = f"/service/{cloudwatch.SERVICE.json_target}/"
"""CloudWatch alone speaks CBOR."""

_FIRST_PARAMETERS = re.compile(rb"(?:Action=\w+&)?Version=([\d-]+)(?:&|$)")
"""Where SDKs say the version."""


def find_codec(request: HttpRequest) -> Codec:
    """Who reads a request: by its target (JSON), its path (CBOR) or the version among its parameters (Query).

    Where nothing says otherwise it is one to SQS, in Query.
    """
    target = request.headers.get(aws_json.TARGET)
    if target is not None:
        return _BY_TARGET.get(target) or _BY_PREFIX.get(target.partition(".")[0], _SQS).json
    if request.headers.get("content-type", "").startswith("application/x-amz-json"):
        return _SQS.json
    if request.target.startswith(_CBOR_PATH):
        return _CBOR
    return _queried(request).query(request)


def _queried(request: HttpRequest) -> Codecs:
    """The service whose version is among the parameters."""
    first = _FIRST_PARAMETERS.match(request.body)
    if first is not None:
        return _BY_VERSION.get(first[1], _SQS)
    for parameters in (request.body, request.query.encode("latin-1", "replace")):
        for codecs in _OTHERS:
            if codecs.is_versioned(parameters):
                return codecs
    return _SQS
