"""A broker with `--credentials`: what a signature must be, and what is answered when it is not."""

import http.client
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from crossdock.aws.sigv4 import Signer
from crossdock.aws.wire.http import HttpRequest

Sign = Callable[[HttpRequest], HttpRequest]

REGION = "eu-west-1"
FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.ListQueues"}
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
UNKNOWN_KEY = "The security token included in the request is invalid."


def signer(key: str = "AKIDEXAMPLE", secret: str = "secret", token: str | None = None) -> Signer:
    return Signer(key, secret, REGION, "sqs", token)


def now_ms() -> int:
    return int(time.time() * 1_000)


def ask(url: str, request: HttpRequest, sign: Sign) -> tuple[int, dict[str, str], str]:
    """Send a signed request: status, headers in lower case, and body."""
    address = urlsplit(url).netloc
    request.headers["host"] = address
    request = sign(request)
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        connection.request(request.method, request.target, request.body, request.headers)
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read().decode()
    finally:
        connection.close()


def client(url: str, key: str, secret: str) -> Any:
    """boto3, signing with a key."""
    keys = {"aws_access_key_id": key, "aws_secret_access_key": secret}
    once = Config(retries={"total_max_attempts": 1})
    return boto3.client("sqs", endpoint_url=url, region_name=REGION, config=once, **keys)


def with_wrong_date(request: HttpRequest) -> HttpRequest:
    """Signed for a day, sent with a credential of another."""
    signed = signer().sign(request, now_ms())
    authorization = signed.headers["authorization"]
    credential = f"AKIDEXAMPLE/{authorization.partition('AKIDEXAMPLE/')[2][:8]}"
    signed.headers["authorization"] = authorization.replace(credential, "AKIDEXAMPLE/20150101")
    return signed


def without_signature(request: HttpRequest) -> HttpRequest:
    """Signed, and the signature taken off the header."""
    signed = signer().sign(request, now_ms())
    signed.headers["authorization"] = signed.headers["authorization"].partition(", Signature=")[0]
    return signed


REFUSALS: dict[str, tuple[Sign, str, str, int, str]] = {
    "unknown key": (
        lambda request: signer("AKIDUNKNOWN").sign(request, now_ms()),
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        403,
        UNKNOWN_KEY,
    ),
    "wrong secret": (
        lambda request: signer(secret="guessed").sign(request, now_ms()),
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        403,
        MISMATCH,
    ),
    "too old": (
        lambda request: signer().sign(request, now_ms() - 16 * 60_000),
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        403,
        "Signature expired: ",
    ),
    "too early": (
        lambda request: signer().sign(request, now_ms() + 16 * 60_000),
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        403,
        "Signature not yet current: ",
    ),
    "presigned and expired": (
        lambda request: signer().presign(request, now_ms() - 61_000, 60),
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        403,
        "Signature expired: ",
    ),
    "another day": (
        with_wrong_date,
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        403,
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: ",
    ),
    "incomplete": (
        without_signature,
        "IncompleteSignature",
        "IncompleteSignatureException",
        400,
        "Authorization header requires 'Signature' parameter.",
    ),
    "no signature at all": (
        lambda request: request,
        "AccessDenied",
        "AccessDeniedException",
        403,
        "Access to the resource http://",
    ),
}
"""How a request is signed, and its legacy code, shape, status and the beginning of its text."""


@pytest.mark.parametrize("case", REFUSALS)
def test_json(signed_url: str, case: str) -> None:
    """In JSON the legacy code stands in the header, the shape in the body."""
    sign, code, shape, status, text = REFUSALS[case]
    answered, headers, body = ask(signed_url, HttpRequest("POST", "/", {**JSON}, b"{}"), sign)
    told = json.loads(body)
    assert (answered, headers["x-amzn-query-error"]) == (status, f"{code};Sender")
    assert told["__type"].endswith(f"#{shape}")
    assert told["message"].startswith(text)


@pytest.mark.parametrize("case", REFUSALS)
def test_query(signed_url: str, case: str) -> None:
    """In XML the legacy code stands in the error."""
    sign, code, _, status, text = REFUSALS[case]
    answered, _, body = ask(signed_url, HttpRequest("POST", "/", {**FORM}, b"Action=ListQueues"), sign)
    assert answered == status
    assert f"<Type>Sender</Type><Code>{code}</Code><Message>" in body
    assert text.replace("'", "&#39;") in body.replace("'", "&#39;")
    assert "<Detail/>" in body


def test_who_asks_comes_before_what_is_asked(signed_url: str) -> None:
    """Nothing of a request is looked at before its signature: an unknown action and a body that is none are refused alike."""
    sign = REFUSALS["wrong secret"][0]
    for request in (
        HttpRequest("POST", "/", {**JSON, "x-amz-target": "AmazonSQS.Brew"}, b"{}"),
        HttpRequest("POST", "/", {**JSON}, b"{"),
        HttpRequest("POST", "/", {**FORM}, b"Action=Brew"),
        HttpRequest("GET", "/", {}, b""),
    ):
        assert ask(signed_url, request, sign)[0] == 403


def test_what_boto3_shows(signed_url: str) -> None:
    """A known key works, an unknown one and a wrong secret show the codes that AWS users know."""
    queue = client(signed_url, "AKIDEXAMPLE", "secret").create_queue(QueueName="signed")["QueueUrl"]
    assert queue.endswith("/signed")
    for key, secret, code in (
        ("AKIDUNKNOWN", "secret", "InvalidClientTokenId"),
        ("AKIDEXAMPLE", "guessed", "SignatureDoesNotMatch"),
    ):
        with pytest.raises(ClientError) as raised:
            client(signed_url, key, secret).send_message(QueueUrl=queue, MessageBody="x")
        response = raised.value.response
        assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, 403)


def test_a_presigned_url(signed_url: str) -> None:
    """A GET that is signed in its query string, once it is changed, is another request."""
    query = urlencode({"Action": "CreateQueue", "QueueName": "presigned"})
    request = HttpRequest("GET", f"/?{query}", {}, b"")
    status, _, body = ask(signed_url, request, lambda one: signer().presign(one, now_ms(), 60))
    assert status == 200
    assert "/presigned</QueueUrl>" in body

    def change(one: HttpRequest) -> HttpRequest:
        signed = signer().presign(one, now_ms(), 60)
        return HttpRequest("GET", signed.target.replace("presigned", "changed"), signed.headers, b"")

    status, _, body = ask(signed_url, HttpRequest("GET", f"/?{query}", {}, b""), change)
    assert (status, "<Code>SignatureDoesNotMatch</Code>" in body) == (403, True)


def test_a_body_that_was_changed(signed_url: str) -> None:
    """The body is signed, too."""

    def change(request: HttpRequest) -> HttpRequest:
        signed = signer().sign(request, now_ms())
        return HttpRequest("POST", "/", signed.headers, b'{"QueueNamePrefix":"x"}')

    status, headers, _ = ask(signed_url, HttpRequest("POST", "/", {**JSON}, b"{}"), change)
    assert (status, headers["x-amzn-query-error"]) == (403, "SignatureDoesNotMatch;Sender")


def test_a_session_token(signed_url: str) -> None:
    """The token of temporary credentials is signed as any header; the key alone decides."""
    request = HttpRequest("POST", "/", {**JSON}, b"{}")
    assert ask(signed_url, request, lambda one: signer(token="a token").sign(one, now_ms()))[0] == 200


def test_the_operators_paths_need_no_signature(signed_url: str) -> None:
    """Health, readiness and metrics are the operator's."""
    for path in ("/health", "/ready", "/metrics"):
        assert ask(signed_url, HttpRequest("GET", path, {}, b""), lambda request: request)[0] == 200
