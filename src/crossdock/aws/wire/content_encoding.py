"""Bodies that SDKs send compressed, as they do with the larger ones of PutMetricData. What is signed is the body as it was sent."""

import zlib

import msgspec

from crossdock.aws.errors import Serialization
from crossdock.aws.wire.http import HttpRequest

CONTENT_ENCODING = "content-encoding"

_GZIP = zlib.MAX_WBITS | 16


def inflated(request: HttpRequest, bytes_max: int) -> HttpRequest:
    """The request with its body as it was before gzip; the same one if it never was. Serialization if it is no gzip, or longer than `bytes_max`."""
    if request.headers.get(CONTENT_ENCODING, "").lower() != "gzip":
        return request
    stream = zlib.decompressobj(_GZIP)
    try:
        body = stream.decompress(request.body, bytes_max + 1)
    except zlib.error as error:
        raise Serialization(f"The request body could not be inflated: {error}.") from error
    if len(body) > bytes_max or not stream.eof:
        reason = f"must not exceed {bytes_max} bytes" if len(body) > bytes_max else "ends too early"
        raise Serialization(f"The request body, inflated, {reason}.")
    headers = {name: value for name, value in request.headers.items() if name != CONTENT_ENCODING}
    return msgspec.structs.replace(request, headers=headers, body=body)
