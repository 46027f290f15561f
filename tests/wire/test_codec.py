"""How the protocol of a request is found."""

import pytest

from crossdock.aws.errors import ApiError
from crossdock.aws.wire.codec import find_codec
from crossdock.aws.wire.http import HttpRequest

JSON = "application/x-amz-json-1.0"
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("headers", "content_type"),
    [
        ({"x-amz-target": "AmazonSQS.SendMessage", "content-type": JSON}, JSON),
        ({"x-amz-target": "AmazonSQS.SendMessage"}, JSON),
        ({"x-amz-target": "AmazonSQS.SendMessage", "accept": "application/json"}, JSON),
        ({"content-type": "application/x-amz-json-1.1"}, JSON),
        ({"content-type": FORM}, "text/xml"),
        ({}, "text/xml"),
        ({"accept": "text/html, */*"}, "text/xml"),
        ({"content-type": FORM, "accept": "application/json, text/plain, */*"}, "application/json"),
    ],
)
def test_the_headers_tell_the_protocol(headers: dict[str, str], content_type: str) -> None:
    """A target or an AWS content type is AWS JSON; anything else is Query, answered in JSON where that is asked for."""
    codec = find_codec(HttpRequest("POST", "/", headers, b""))
    assert codec.encode_error(ApiError(), "id-1").header("content-type") == content_type
