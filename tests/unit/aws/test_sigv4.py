"""Signature Version 4, held against botocore's signer in both directions."""

from urllib.parse import parse_qsl, urlencode

import msgspec
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from crossdock.aws import sigv4
from crossdock.aws.errors import (
    ApiError,
    IncompleteSignature,
    InvalidClientTokenId,
    MissingAuthenticationToken,
    SignatureDoesNotMatch,
)
from crossdock.aws.sigv4 import Scope, Signer, Verifier, scope_of
from crossdock.aws.wire.http import HttpRequest

NOW_MS = 1_700_000_000_000
DAY = "20231114"
TIMESTAMP = "20231114T221320Z"
HOST = "127.0.0.1:9324"
SECRETS = {"AKID": "secret", "ASIA/slash": "other+secret"}
VERIFIER = Verifier(SECRETS.get)
SIGNER = Signer("AKID", "secret", "eu-west-1", "sqs")
PATHS = ["/", "/123456789012/orders", "/eu-west-1/123456789012/a%20b/", "//a/./b/../c", "/~a/%C3%BC"]


@pytest.fixture(autouse=True)
def botocore_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let botocore sign at NOW_MS."""
    moment = sigv4.datetime.fromtimestamp(NOW_MS // 1_000, sigv4.UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: moment)


def signed_by_botocore(request: HttpRequest, key: str = "AKID", token: str | None = None) -> HttpRequest:
    """The request with botocore's Authorization header."""
    headers = {name: value for name, value in request.headers.items() if name != "host"}
    aws = AWSRequest(request.method, f"http://{HOST}{request.target}", headers, request.body)
    SigV4Auth(Credentials(key, SECRETS[key], token), "sqs", "eu-west-1").add_auth(aws)
    return msgspec.structs.replace(
        request, headers={"host": HOST, **{name.lower(): value for name, value in aws.headers.items()}}
    )


def presigned_by_botocore(request: HttpRequest, expires_s: int = 3_600) -> HttpRequest:
    """The request with botocore's signature in its query string."""
    aws = AWSRequest(request.method, f"http://{HOST}{request.target}", {}, b"")
    SigV4QueryAuth(Credentials("AKID", "secret"), "sqs", "eu-west-1", expires_s).add_auth(aws)
    return msgspec.structs.replace(request, target=aws.url.removeprefix(f"http://{HOST}"), headers={"host": HOST})


def send(target: str = "/", body: bytes = b"{}", **headers: str) -> HttpRequest:
    """A request that is not signed yet."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpRequest("POST", target, {"host": HOST, **named}, body)


# True signatures


@pytest.mark.parametrize(
    "target", [*PATHS, "/?Action=ListQueues&b=%2F%2B~&a=1&a=0&empty=", "/123/q?Action=A&x=%E2%82%AC"]
)
def test_requests_signed_by_botocore_are_true(target: str) -> None:
    """A request signed by botocore is true, whatever its path and query, and tells its scope."""
    request = signed_by_botocore(send(target, "grüße".encode(), content_type="text/plain", x_amz_target=" a   b "))
    assert VERIFIER.verify(request, NOW_MS) == Scope("AKID", DAY, "eu-west-1", "sqs") == scope_of(request)


@pytest.mark.parametrize("target", [*PATHS, "/?Action=ListQueues&QueueNamePrefix=a+b%20c%2Bd"])
def test_requests_presigned_by_botocore_are_true(target: str) -> None:
    """A15: a GET that botocore signed in its query string is true."""
    request = presigned_by_botocore(HttpRequest("GET", target, {"host": HOST}, b""))
    assert VERIFIER.verify(request, NOW_MS + 3_600_000) == Scope("AKID", DAY, "eu-west-1", "sqs") == scope_of(request)


def test_a_plus_in_the_query_is_a_space() -> None:
    """botocore signs `a b` as `a%20b` and sends it as `a+b`: the signature is true all the same."""
    aws = AWSRequest("GET", f"http://{HOST}/", params={"Action": "ListQueues", "QueueNamePrefix": "a b+c"})
    SigV4Auth(Credentials("AKID", "secret"), "sqs", "eu-west-1").add_auth(aws)
    headers = {"host": HOST, **{name.lower(): value for name, value in aws.headers.items()}}
    VERIFIER.verify(HttpRequest("GET", f"/?{urlencode(aws.params)}", headers, b""), NOW_MS)


def test_keys_with_a_slash_and_session_tokens() -> None:
    """A key may hold a slash; a session token is signed like any other header."""
    request = signed_by_botocore(send(), "ASIA/slash", "token==")
    assert VERIFIER.verify(request, NOW_MS).access_key == "ASIA/slash"
    request.headers["x-amz-security-token"] = "stolen"
    with pytest.raises(SignatureDoesNotMatch):
        VERIFIER.verify(request, NOW_MS)


def test_the_date_header_will_do() -> None:
    """Without X-Amz-Date the header Date tells the time."""
    request = signed_by_botocore(send(date="Mon, 01 Jan 2001 00:00:00 GMT"))
    assert "x-amz-date" not in request.headers
    VERIFIER.verify(request, NOW_MS)


@pytest.mark.parametrize("target", [*PATHS, "/?Action=ListQueues&b=%2F~&a=1&a=0"])
def test_botocore_signs_as_we_do(target: str) -> None:
    """Our signature in the header is, letter for letter, the one that botocore makes."""
    request = send(target, b"body", content_type="application/x-amz-json-1.0", x_amz_target="AmazonSQS.ListQueues")
    ours, theirs = SIGNER.sign(request, NOW_MS), signed_by_botocore(request)
    assert ours.headers["authorization"] == theirs.headers["authorization"]
    assert VERIFIER.verify(ours, NOW_MS).region == "eu-west-1"
    assert "authorization" not in request.headers


def test_botocore_presigns_as_we_do() -> None:
    """Our presigned query is, letter for letter, the one that botocore makes."""
    request = HttpRequest("GET", "/?Action=ListQueues", {"host": HOST}, b"")
    ours = SIGNER.presign(request, NOW_MS, 3_600)
    assert ours.target == presigned_by_botocore(request).target
    assert VERIFIER.verify(ours, NOW_MS).access_key == "AKID"


def test_temporary_credentials_sign_their_token() -> None:
    """A signer with a session token sends it, signed, by header or in the query."""
    signer = Signer("AKID", "secret", "eu-west-1", "sqs", "token")
    request = signer.sign(send(), NOW_MS)
    assert request.headers["authorization"] == signed_by_botocore(send(), token="token").headers["authorization"]
    assert VERIFIER.verify(request, NOW_MS)
    assert "X-Amz-Security-Token=token" in signer.presign(send(), NOW_MS, 60).target


def test_unsigned_payload() -> None:
    """A body may be left out of the signature where the request says so."""
    request = signed_by_botocore(send(x_amz_content_sha256="UNSIGNED-PAYLOAD"))
    request.body = b"anything"
    VERIFIER.verify(request, NOW_MS)


# False ones


@pytest.mark.parametrize(
    "change",
    [
        {"method": "GET"},
        {"target": "/other"},
        {"target": "/?a=b"},
        {"body": b"{ }"},
        {"headers": {"host": "elsewhere"}},
        {"headers": {"x-amz-target": "AmazonSQS.DeleteQueue"}},
        {"headers": {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}},
        {"headers": {"x-amz-content-sha256": "0" * 64}},
    ],
)
def test_any_change_breaks_the_signature(change: dict) -> None:
    """Method, path, query, body and signed headers cannot be changed."""
    request = SIGNER.sign(send(x_amz_target="AmazonSQS.ListQueues"), NOW_MS)
    changed = msgspec.structs.replace(
        request, **{**change, "headers": {**request.headers, **change.get("headers", {})}}
    )
    VERIFIER.verify(request, NOW_MS)
    with pytest.raises(SignatureDoesNotMatch):
        VERIFIER.verify(changed, NOW_MS)


def test_headers_that_are_not_signed_may_change() -> None:
    """A proxy may add headers."""
    request = SIGNER.sign(send(), NOW_MS)
    request.headers["x-amzn-trace-id"] = "Root=1"
    VERIFIER.verify(request, NOW_MS)


def test_a_presigned_query_cannot_be_changed() -> None:
    """What stands in a presigned query is signed."""
    request = SIGNER.presign(HttpRequest("GET", "/?Action=ListQueues", {"host": HOST}, b""), NOW_MS, 60)
    for change in (("ListQueues", "PurgeQueue"), ("Expires=60", "Expires=600"), ("host&", "host&x=y&")):
        with pytest.raises(SignatureDoesNotMatch):
            VERIFIER.verify(msgspec.structs.replace(request, target=request.target.replace(*change)), NOW_MS)


def test_unknown_keys() -> None:
    """A key that does not exist is told apart from a wrong signature."""
    with pytest.raises(InvalidClientTokenId, match="security token included in the request is invalid"):
        VERIFIER.verify(Signer("AKNOBODY", "secret", "eu-west-1", "sqs").sign(send(), NOW_MS), NOW_MS)
    with pytest.raises(SignatureDoesNotMatch, match="does not match the signature you provided"):
        VERIFIER.verify(Signer("AKID", "wrong", "eu-west-1", "sqs").sign(send(), NOW_MS), NOW_MS)


@pytest.mark.parametrize(
    ("later_ms", "text"),
    [
        (
            901_000,
            r"^Signature expired: 20231114T221320Z is now earlier than 20231114T221321Z \(20231114T222821Z - 15 min\.\)$",
        ),
        (-901_000, r"^Signature not yet current: 20231114T221320Z is still later than 20231114T221319Z "),
    ],
)
def test_fifteen_minutes(later_ms: int, text: str) -> None:
    """A signature holds fifteen minutes before and after its time, to the second."""
    request = SIGNER.sign(send(), NOW_MS)
    VERIFIER.verify(request, NOW_MS + 900_000)
    VERIFIER.verify(request, NOW_MS - 900_000)
    with pytest.raises(SignatureDoesNotMatch, match=text):
        VERIFIER.verify(request, NOW_MS + later_ms)


def test_presigned_queries_expire() -> None:
    """A presigned query holds as long as it says."""
    request = SIGNER.presign(send(), NOW_MS, 60)
    VERIFIER.verify(request, NOW_MS + 60_000)
    with pytest.raises(SignatureDoesNotMatch, match=r"^Signature expired: "):
        VERIFIER.verify(request, NOW_MS + 61_000)


@pytest.mark.parametrize("expires", ["0", "604801", "x", "-1", "1" * 5_000])
def test_lifetimes_that_are_none(expires: str) -> None:
    """A lifetime is a number of seconds, up to a week."""
    request = SIGNER.presign(send(), NOW_MS, 60)
    request.target = request.target.replace("Expires=60", f"Expires={expires}")
    with pytest.raises(IncompleteSignature, match="X-Amz-Expires"):
        VERIFIER.verify(request, NOW_MS)


# Broken ones

CREDENTIAL = f"Credential=AKID/{DAY}/eu-west-1/sqs/aws4_request"


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"authorization": "Basic YTpi"}, "Unsupported AWS 'algorithm': 'Basic'"),
        ({"authorization": ""}, "Unsupported AWS 'algorithm'"),
        (
            {"authorization": f"AWS4-HMAC-SHA256 {CREDENTIAL}"},
            "requires 'Signature' parameter. Authorization header req",
        ),
        ({"authorization": "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=a"}, "requires 'Credential' parameter"),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=AKID, SignedHeaders=host, Signature=a"}, "5 slash-delimited"),
        (
            {"authorization": f"AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host, Signature=a"},
            "'X-Amz-Date' or a 'Date'",
        ),
        (
            {"authorization": f"AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host, Signature=a", "x-amz-date": "today"},
            "Date must be in ISO-8601 'basic format'. Got 'today'",
        ),
        (
            {"authorization": f"AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host, Signature=a", "date": "today"},
            "Date is not valid. Got 'today'",
        ),
    ],
)
def test_incomplete_signatures(headers: dict[str, str], text: str) -> None:
    """What an Authorization header lacks is named."""
    with pytest.raises(IncompleteSignature) as error:
        VERIFIER.verify(HttpRequest("POST", "/", {"host": HOST, **headers}, b""), NOW_MS)
    assert text in error.value.message


def test_host_must_be_signed() -> None:
    """A signature that leaves the host out is refused."""
    headers = {"authorization": f"AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=x-amz-date, Signature=a"}
    with pytest.raises(SignatureDoesNotMatch, match="'Host' must be a 'SignedHeader'"):
        VERIFIER.verify(HttpRequest("POST", "/", {**headers, "x-amz-date": TIMESTAMP}, b""), NOW_MS)


def test_the_day_of_the_scope_must_be_that_of_the_request() -> None:
    """Scope and timestamp must name the same day."""
    request = SIGNER.sign(send(), NOW_MS)
    request.headers["authorization"] = request.headers["authorization"].replace(DAY, "20231113")
    with pytest.raises(SignatureDoesNotMatch, match="'20231113' != '20231114', from '20231114T221320Z'"):
        VERIFIER.verify(request, NOW_MS)


@pytest.mark.parametrize("target", ["/", "/?Action=ListQueues", "/?X-Amz-Credential=AKID"])
def test_no_signature_at_all(target: str) -> None:
    """A request without a signature lacks an authentication token."""
    with pytest.raises(MissingAuthenticationToken, match="Request is missing Authentication Token"):
        VERIFIER.verify(send(target), NOW_MS)


@pytest.mark.parametrize("name", ["Credential", "Date", "Expires", "SignedHeaders", "Signature"])
def test_incomplete_presigned_queries(name: str) -> None:
    """What a presigned query lacks is named."""
    request = SIGNER.presign(send(), NOW_MS, 60)
    request.target = request.target.replace(f"X-Amz-{name}=", "x=")
    with pytest.raises(IncompleteSignature, match=f"must include 'X-Amz-{name}'"):
        VERIFIER.verify(request, NOW_MS)


@pytest.mark.parametrize(
    "request_",
    [
        send(),
        send(authorization="Basic YTpi"),
        send(authorization="AWS4-HMAC-SHA256 Credential=AKID/x, SignedHeaders=host"),
        send("/?X-Amz-Credential=AKID"),
    ],
)
def test_no_scope(request_: HttpRequest) -> None:
    """A request that claims no readable scope has none; that is no error."""
    assert scope_of(request_) is None


def unspaced(text: str) -> str:
    """A text without white space, which counts for nothing around the parts of a header."""
    return "".join(text.split())


def is_true(request: HttpRequest) -> bool:
    """Whether a request is accepted; ApiError is the only way of refusing it."""
    scope_of(request)
    try:
        VERIFIER.verify(request, NOW_MS)
    except ApiError:
        return False
    return True


@given(st.data(), st.sampled_from(["authorization", "x-amz-date", "host"]))
def test_headers_changed_anywhere(data: st.DataObject, name: str) -> None:
    """A request with a header of its signature changed is accepted only where the header still says the same, or more than that."""
    request = SIGNER.sign(send(), NOW_MS)
    value = request.headers[name]
    cut = data.draw(st.integers(0, len(value)))
    junk = data.draw(st.text(st.characters(max_codepoint=255), max_size=3))
    changed = f"{value[:cut]}{junk}{value[cut + data.draw(st.integers(0, 3)) :]}"
    request.headers[name] = changed
    assert is_true(request) <= all(part in unspaced(changed) for part in unspaced(value).split(","))


@given(st.data())
def test_presigned_queries_cut_and_changed_anywhere(data: st.DataObject) -> None:
    """A presigned query that is cut or changed is accepted only where it still says the same."""
    request = SIGNER.presign(send(), NOW_MS, 60)
    said = parse_qsl(request.query)
    cut = data.draw(st.integers(2, len(request.target)))
    junk = data.draw(st.text(st.characters(max_codepoint=255), max_size=3))
    request.target = f"{request.target[:cut]}{junk}"
    assert is_true(request) <= (parse_qsl(request.query) == said)
