"""How the protocol of a request is found."""

import contextlib

import pytest

from crossdock.aws.api import autoscaling, cloudwatch, sqs
from crossdock.aws.errors import ApiError, MissingParameter, QueueDoesNotExist
from crossdock.aws.shapes import Service
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


GRANITE = "GraniteServiceVersion20100801"
CLOUDWATCH_VERSION = b"Version=2010-08-01"


@pytest.mark.parametrize(
    ("target", "headers", "body", "service"),
    [
        ("/", {"x-amz-target": f"{GRANITE}.ListMetrics", "content-type": JSON}, b"{}", "monitoring"),
        ("/", {"x-amz-target": f"{GRANITE}.NoSuchThing", "content-type": JSON}, b"{}", "monitoring"),
        ("/", {"x-amz-target": "AmazonSQS.ListQueues", "content-type": JSON}, CLOUDWATCH_VERSION, "sqs"),
        ("/", {"x-amz-target": "Nonsense", "content-type": JSON}, b"{}", "sqs"),
        ("/", {"x-amz-target": "", "content-type": JSON}, b"{}", "sqs"),
        ("/", {"content-type": JSON}, b"{}", "sqs"),
        ("/", {"content-type": FORM}, b"Action=ListMetrics&" + CLOUDWATCH_VERSION, "monitoring"),
        ("/", {"content-type": FORM}, CLOUDWATCH_VERSION + b"&Action=ListMetrics", "monitoring"),
        ("/?Action=ListMetrics&Version=2010-08-01", {}, b"", "monitoring"),
        ("/?Version=2010-08-01&Action=ListMetrics", {"accept": "application/json"}, b"", "monitoring"),
        ("/", {"content-type": FORM}, b"Action=DescribePolicies&Version=2011-01-01", "autoscaling"),
        ("/?PolicyName=p&Version=2011-01-01&Action=ExecutePolicy", {}, b"", "autoscaling"),
        ("/", {"content-type": FORM}, b"Action=ListQueues&Version=2012-11-05", "sqs"),
        ("/", {"content-type": FORM}, b"Action=ListQueues&Version=2009-02-01", "sqs"),
        ("/", {"content-type": FORM}, b"Action=SendMessage&MessageBody=Version%3D2010-08-01", "sqs"),
        ("/", {"content-type": FORM}, b"Action=SendMessage&MessageBody=" + CLOUDWATCH_VERSION, "sqs"),
        ("/", {"content-type": FORM}, b"Action=SendMessage&MessageBody=b&MyVersion=2010-08-01", "sqs"),
        ("/", {"content-type": FORM}, b"Action=SendMessage&MessageBody=b&Version=2010-08-011", "sqs"),
        (f"/service/{GRANITE}/operation/ListMetrics", {"smithy-protocol": "rpc-v2-cbor"}, b"", "monitoring"),
        (f"/service/{GRANITE}/operation/NoSuchThing", {"smithy-protocol": "rpc-v2-cbor"}, b"", "monitoring"),
        ("/service/AmazonSQS/operation/ListQueues", {"smithy-protocol": "rpc-v2-cbor"}, b"", "sqs"),
        ("/service/", {}, b"", "sqs"),
        ("/Version=2010-08-01?Action=ListQueues", {}, b"", "sqs"),
    ],
)
def test_target_path_or_version_tell_the_service(
    target: str, headers: dict[str, str], body: bytes, service: str
) -> None:
    """A request names its service by the prefix of its target, by its path or by the version among its parameters; any other is one to SQS."""
    assert find_codec(HttpRequest("POST", target, headers, body)).service == service


@pytest.mark.parametrize(
    "service", [autoscaling.SERVICE, cloudwatch.SERVICE, sqs.SERVICE], ids=lambda service: service.name
)
def test_every_operation_is_found(service: Service) -> None:
    """Each operation of each service is read from a request by its target."""
    for name, operation in service.operations.items():
        codec = find_codec(HttpRequest("POST", "/", {"x-amz-target": f"{service.json_target}.{name}"}, b"{}"))
        assert codec.service == service.name
        with contextlib.suppress(MissingParameter, QueueDoesNotExist):
            assert (
                codec.decode(HttpRequest("POST", "/", {"x-amz-target": f"{service.json_target}.{name}"}, b"{}"))[0]
                is operation
            )
