"""Smithy's RPC v2 CBOR, the server's side: `POST /service/NAME/operation/NAME` with one CBOR map as the body.

Errors carry the legacy code of the Query era in a header of their own, as in JSON. Source: the Smithy specification of RPC v2 CBOR.
"""

from crossdock.aws.errors import ApiError, Serialization, UnknownOperation
from crossdock.aws.shapes import Operation, Service, Shape, Structure
from crossdock.aws.wire.aws_json import QUERY_ERROR, legacy_code
from crossdock.aws.wire.cbor import Reader, text_map, write
from crossdock.aws.wire.http import REQUEST_ID, HttpRequest, HttpResponse

BODY_BYTES_MAX = 1_048_576
"""As AWS limits PutMetricData."""

_CONTENT_TYPE_HEADER = ("Content-Type", "application/cbor")
_PROTOCOL_HEADER = ("smithy-protocol", "rpc-v2-cbor")
_EMPTY = b"\xa0"


class CborCodec:
    """Requests, results and errors of one service as RPC v2 CBOR."""

    def __init__(self, service: Service) -> None:
        self.service = service.name
        self._error_namespace = f"{service.error_namespace}#"
        self._routes = {
            f"/service/{service.json_target}/operation/{operation.name}": operation
            for operation in service.operations.values()
        }

    def decode(self, request: HttpRequest) -> tuple[Operation, Shape]:
        """The operation and its input. UnknownOperation, MissingParameter or Serialization where there is none."""
        operation = self._routes.get(request.path)
        if operation is None:
            raise UnknownOperation
        if len(request.body) > BODY_BYTES_MAX:
            raise Serialization(f"The request body must not exceed {BODY_BYTES_MAX} bytes.")
        return operation, Reader(request.body or _EMPTY).read(operation.input)

    def encode(self, operation: Operation, result: Shape | None, request_id: str) -> HttpResponse:
        """The response to an operation that succeeded. One that has no result is answered without a body, which is not an empty map."""
        if operation.output is None:
            return HttpResponse(200, b"", (_PROTOCOL_HEADER, (REQUEST_ID, request_id)))
        out: list[bytes] = []
        if result is not None:
            write(Structure(operation.output), result, out)
        headers = (_PROTOCOL_HEADER, _CONTENT_TYPE_HEADER, (REQUEST_ID, request_id))
        return HttpResponse(200, b"".join(out) or _EMPTY, headers)

    def encode_error(self, error: ApiError, request_id: str) -> HttpResponse:
        """The response to an operation that failed."""
        body = text_map({"__type": self._error_namespace + error.shape, "message": error.message})
        headers = (_PROTOCOL_HEADER, _CONTENT_TYPE_HEADER, (REQUEST_ID, request_id), (QUERY_ERROR, legacy_code(error)))
        return HttpResponse(error.status, body, headers)
