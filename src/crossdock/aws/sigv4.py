"""AWS Signature Version 4: who signed a request, whether it is true, and signing, by header or in the query string (presigned).

Source: "AWS Signature Version 4 for API requests" in the IAM User Guide. Which keys exist and what they may do is for others to know.
The rules of services other than S3 hold: paths are normalised and encoded twice.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache, wraps
from typing import NamedTuple, TypeVar
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode

import msgspec

from crossdock.aws.errors import (
    IncompleteSignature,
    InvalidClientTokenId,
    MissingAuthenticationToken,
    SignatureDoesNotMatch,
)
from crossdock.aws.wire.http import HttpRequest

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
TIMESTAMP_FORMAT = "%Y%m%dT%H%M%SZ"
SKEW_MS_MAX = 15 * 60_000
EXPIRES_S_MAX = 7 * 86_400
REMEMBERED = 1_024
LENGTH_MAX = 1_024
"""Of a text of which the reading is remembered: clients choose it, memory must not grow with it."""

R = TypeVar("R")

_SPACES = re.compile(" {2,}")


def remembered(read: Callable[..., R]) -> Callable[..., R]:
    """A function of texts that remembers what it made of short ones. An exception is not remembered."""
    cached = lru_cache(REMEMBERED)(read)

    @wraps(read)
    def look_up(*texts: str) -> R:
        return cached(*texts) if sum(map(len, texts)) <= LENGTH_MAX else read(*texts)

    return look_up


class Scope(NamedTuple):
    """The credential scope: which key signed, on which day (`20261124`), for which region and service."""

    access_key: str
    date: str
    region: str
    service: str

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{TERMINATOR}"


def scope_of(request: HttpRequest) -> Scope | None:
    """The scope that a request claims, by header or query string, unchecked; None where it claims none that can be read."""
    authorization = request.headers.get("authorization", "")
    start = authorization.find("Credential=")
    if start >= 0:
        end = authorization.find(",", start)
        return _scope(authorization[start + 11 : end if end > 0 else None])
    if "X-Amz-Credential=" in request.target:
        return _scope(dict(parse_qsl(request.query)).get("X-Amz-Credential", ""))
    return None


@remembered
def _scope(credential: str) -> Scope | None:
    """Read `AKID/20261124/eu-west-1/sqs/aws4_request`."""
    parts = credential.strip().rsplit("/", 4)
    return Scope(*parts[:4]) if len(parts) == 5 and parts[4] == TERMINATOR else None


# What is signed


def _canonical_request(request: HttpRequest, query: str, signed_headers: tuple[str, ...], body_hash: str) -> bytes:
    headers = request.headers
    lines = [request.method, _canonical_path(request.path), _canonical_query(query)]
    lines += [f"{name}:{_trimmed(headers.get(name, ''))}" for name in signed_headers]
    lines += ["", ";".join(signed_headers), body_hash]
    return "\n".join(lines).encode("latin-1", "replace")


@remembered
def _canonical_path(path: str) -> str:
    """The path without `.`, `..` and empty segments, percent-encoded once more than it already is."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            kept = kept[:-1]
        elif segment not in ("", "."):
            kept.append(segment)
    slash = "/" if kept and path.endswith("/") else ""
    return quote(f"/{'/'.join(kept)}{slash}", safe="/~")


def _canonical_query(query: str) -> str:
    if not query:
        return ""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return "&".join(sorted(f"{_encoded(name)}={_encoded(value)}" for name, _, value in pairs))


def _encoded(text: str) -> str:
    """A part of a query string, however it was encoded, in the one encoding that is signed."""
    return quote(unquote_to_bytes(text.replace("+", " ")), safe="-_.~")


def _trimmed(value: str) -> str:
    value = value.strip(" \t")
    return _SPACES.sub(" ", value) if "  " in value else value


def _signature(secret: str, scope: Scope, timestamp: str, canonical_request: bytes) -> str:
    digest = hashlib.sha256(canonical_request).hexdigest()
    to_sign = f"{ALGORITHM}\n{timestamp}\n{scope}\n{digest}"
    return _hmac(_signing_key(secret, scope.date, scope.region, scope.service), to_sign).hex()


@remembered
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, TERMINATOR):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _timestamp(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1_000, UTC).strftime(TIMESTAMP_FORMAT)


# Verifying


class _Claim(NamedTuple):
    """What a request says about its signature."""

    scope: Scope
    timestamp: str
    signed_headers: tuple[str, ...]
    signature: str
    query: str
    """The query string as it was signed."""
    lifetime_ms: int
    """How long after its timestamp it is valid."""


class Verifier:
    """Checks signatures. `secret_of` knows the secret of an access key, or None where there is no such key."""

    def __init__(self, secret_of: Callable[[str], str | None]) -> None:
        self._secret_of = secret_of

    def verify(self, request: HttpRequest, now_ms: int) -> Scope:
        """The scope of a request that is truly signed.

        Raises MissingAuthenticationToken, IncompleteSignature, InvalidClientTokenId or SignatureDoesNotMatch.
        """
        claim = _header_claim(request) if "authorization" in request.headers else _query_claim(request)
        _check_time(claim, now_ms)
        secret = self._secret_of(claim.scope.access_key)
        if secret is None:
            raise InvalidClientTokenId
        canonical = _canonical_request(request, claim.query, claim.signed_headers, _body_hash(request))
        signature = _signature(secret, claim.scope, claim.timestamp, canonical)
        if not hmac.compare_digest(signature.encode(), claim.signature.encode()):
            raise SignatureDoesNotMatch
        return claim.scope


def _body_hash(request: HttpRequest) -> str:
    """The hash of the body as it enters the signature. SignatureDoesNotMatch if the declared one is another body's."""
    declared = request.headers.get("x-amz-content-sha256")
    if declared == UNSIGNED_PAYLOAD:
        return declared
    actual = hashlib.sha256(request.body).hexdigest()
    if declared is not None and declared != actual:
        raise SignatureDoesNotMatch
    return actual


def _header_claim(request: HttpRequest) -> _Claim:
    head, _, signature = request.headers["authorization"].partition("Signature=")
    scope, signed_headers = _authorization(head, signature[:1])
    timestamp = request.headers.get("x-amz-date") or _from_http_date(request.headers.get("date", ""))
    return _Claim(scope, timestamp, signed_headers, signature, request.query, SKEW_MS_MAX)


@remembered
def _authorization(head: str, signature: str) -> tuple[Scope, tuple[str, ...]]:
    """Scope and signed headers from the Authorization header, up to its signature. IncompleteSignature where they cannot be read."""
    algorithm, _, rest = head.partition(" ")
    if algorithm != ALGORITHM:
        raise IncompleteSignature(f"Unsupported AWS 'algorithm': '{algorithm}'.")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    if signature:
        fields["Signature"] = ""
    lacking = [name for name in ("Credential", "Signature", "SignedHeaders") if name not in fields]
    if lacking:
        raise IncompleteSignature(" ".join(f"Authorization header requires '{name}' parameter." for name in lacking))
    return _checked_scope(fields["Credential"]), _checked_headers(fields["SignedHeaders"])


def _query_claim(request: HttpRequest) -> _Claim:
    query = request.query
    if "X-Amz-Algorithm=" not in query:
        raise MissingAuthenticationToken
    fields = dict(parse_qsl(query, keep_blank_values=True))
    for name in ("Credential", "Date", "Expires", "SignedHeaders", "Signature"):
        if not fields.get(f"X-Amz-{name}"):
            raise IncompleteSignature(f"AWS query-string parameters must include 'X-Amz-{name}'.")
    if fields["X-Amz-Algorithm"] != ALGORITHM:
        raise IncompleteSignature(f"Unsupported AWS 'algorithm': '{fields['X-Amz-Algorithm']}'.")
    signed = "&".join(part for part in query.split("&") if not part.startswith("X-Amz-Signature="))
    return _Claim(
        _checked_scope(fields["X-Amz-Credential"]),
        fields["X-Amz-Date"],
        _checked_headers(fields["X-Amz-SignedHeaders"]),
        fields["X-Amz-Signature"],
        signed,
        _lifetime_ms(fields["X-Amz-Expires"]),
    )


def _lifetime_ms(expires: str) -> int:
    if not (expires.isascii() and expires.isdigit() and len(expires) < 10 and 0 < int(expires) <= EXPIRES_S_MAX):
        raise IncompleteSignature(f"X-Amz-Expires must be a number of seconds from 1 to {EXPIRES_S_MAX}.")
    return int(expires) * 1_000


def _checked_scope(credential: str) -> Scope:
    scope = _scope(credential)
    if scope is None:
        raise IncompleteSignature(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{credential}'"
        )
    return scope


def _checked_headers(names: str) -> tuple[str, ...]:
    signed_headers = tuple(names.split(";"))
    if "host" not in signed_headers:
        raise SignatureDoesNotMatch("'Host' must be a 'SignedHeader' in the AWS Authorization.")
    return signed_headers


def _from_http_date(date: str) -> str:
    """The timestamp that stands in the header Date."""
    if not date:
        raise IncompleteSignature(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    try:
        return parsedate_to_datetime(date).astimezone(UTC).strftime(TIMESTAMP_FORMAT)
    except (ValueError, OverflowError) as error:
        raise IncompleteSignature(f"Date is not valid. Got '{date}'.") from error


@remembered
def _time_ms(timestamp: str) -> int:
    try:
        return int(datetime.strptime(timestamp, TIMESTAMP_FORMAT).replace(tzinfo=UTC).timestamp()) * 1_000
    except ValueError as error:
        raise IncompleteSignature(
            f"Date must be in ISO-8601 'basic format'. Got '{timestamp}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ) from error


def _check_time(claim: _Claim, now_ms: int) -> None:
    """SignatureDoesNotMatch for a request too old or too far ahead, and where scope and timestamp disagree."""
    timestamp, signed_ms = claim.timestamp, _time_ms(claim.timestamp)
    if claim.scope.date != timestamp[:8]:
        raise SignatureDoesNotMatch(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{claim.scope.date}' != '{timestamp[:8]}', from '{timestamp}'."
        )
    if now_ms > signed_ms + claim.lifetime_ms:
        oldest = _timestamp(now_ms - claim.lifetime_ms)
        raise SignatureDoesNotMatch(
            f"Signature expired: {timestamp} is now earlier than {oldest} "
            f"({_timestamp(now_ms)} - {claim.lifetime_ms // 60_000} min.)"
        )
    if now_ms < signed_ms - SKEW_MS_MAX:
        latest = _timestamp(now_ms + SKEW_MS_MAX)
        raise SignatureDoesNotMatch(
            f"Signature not yet current: {timestamp} is still later than {latest} ({_timestamp(now_ms)} + 15 min.)"
        )


# Signing


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs requests with one key for one service in one region. Requests must carry the header `host`."""

    access_key: str
    secret: str
    region: str
    service: str
    token: str | None = None
    """The session token of temporary credentials."""

    def sign(self, request: HttpRequest, now_ms: int) -> HttpRequest:
        """The request with the headers of a signature."""
        timestamp = _timestamp(now_ms)
        headers = {**request.headers, "x-amz-date": timestamp}
        if self.token is not None:
            headers["x-amz-security-token"] = self.token
        signed_headers = tuple(sorted(name for name in headers if _is_signed(name)))
        request = msgspec.structs.replace(request, headers=headers)
        scope = self._scope(timestamp)
        canonical = _canonical_request(request, request.query, signed_headers, _body_hash(request))
        headers["authorization"] = (
            f"{ALGORITHM} Credential={scope.access_key}/{scope}, SignedHeaders={';'.join(signed_headers)}, "
            f"Signature={_signature(self.secret, scope, timestamp, canonical)}"
        )
        return request

    def presign(self, request: HttpRequest, now_ms: int, expires_s: int) -> HttpRequest:
        """The request with a signature in its query string, valid for `expires_s` seconds."""
        timestamp = _timestamp(now_ms)
        scope = self._scope(timestamp)
        fields = {
            "X-Amz-Algorithm": ALGORITHM,
            "X-Amz-Credential": f"{scope.access_key}/{scope}",
            "X-Amz-Date": timestamp,
            "X-Amz-Expires": str(expires_s),
            "X-Amz-SignedHeaders": "host",
        }
        if self.token is not None:
            fields["X-Amz-Security-Token"] = self.token
        query = "&".join(part for part in (request.query, urlencode(fields)) if part)
        canonical = _canonical_request(request, query, ("host",), _body_hash(request))
        signature = _signature(self.secret, scope, timestamp, canonical)
        return msgspec.structs.replace(request, target=f"{request.path}?{query}&X-Amz-Signature={signature}")

    def _scope(self, timestamp: str) -> Scope:
        return Scope(self.access_key, timestamp[:8], self.region, self.service)


def _is_signed(header: str) -> bool:
    return header in ("host", "content-type") or header.startswith("x-amz-")
