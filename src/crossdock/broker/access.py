"""Who is calling: account and region from the credential scope of the signature, checked where credentials are configured.

Without a credentials file every key is welcome, as with the emulators: the scope alone says which account and region are meant. With
one, each request must carry a valid Signature Version 4.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from crossdock.aws.errors import AccessDenied, MissingAuthenticationToken, SignatureDoesNotMatch
from crossdock.aws.sigv4 import Scope, Verifier, scope_of
from crossdock.aws.wire.http import HttpRequest
from crossdock.broker.outcome import Caller
from crossdock.broker.settings import BrokerSettings
from crossdock.clock import Clock

CALLERS_REMEMBERED = 4_096

SCOPE_LENGTH_MAX = 1_024
"""A caller that names itself at greater length is not remembered: clients choose the text, memory must not grow with it."""


class CredentialsError(ValueError):
    """The credentials file cannot be used; the text says why."""


def read_credentials(path: Path) -> dict[str, str]:
    """Read a JSON object of access keys and secrets."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except OSError as error:
        raise CredentialsError(f"cannot read the credentials file {path}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise CredentialsError(
            f'the credentials file {path} must be a JSON object like {{"AKID": "secret"}}: {error}'
        ) from error


class Access:
    """Finds the caller of a request."""

    def __init__(self, settings: BrokerSettings, clock: Clock, secrets: Mapping[str, str] | None) -> None:
        self._settings = settings
        self._clock = clock
        self._verifier = Verifier(secrets.get) if secrets is not None else None
        self._callers: dict[tuple[str | Scope | None, str, bool], Caller] = {}

    def caller(self, request: HttpRequest, secure: bool, service: str) -> Caller:
        """The caller of `request`, which is one to `service`.

        Raises the signature's errors (`SignatureDoesNotMatch` and its kin) where credentials are configured, AccessDenied where there
        is no signature. What is signed for one service is not good for another.
        """
        headers = request.headers
        host = headers.get("host", "")
        if self._verifier is not None:
            try:
                signed = self._verifier.verify(request, self._clock.now_ms())
            except MissingAuthenticationToken:
                resource = f"{_scheme(secure)}://{host}{request.path}"
                raise AccessDenied(f"Access to the resource {resource} is denied.") from None
            if signed.service != service:
                raise SignatureDoesNotMatch(f"Credential should be scoped to correct service: '{service}'.")
        authorization = headers.get("authorization", "")
        claim = authorization[: authorization.find(",")] or scope_of(request)
        key = (claim, host, secure)
        caller = self._callers.get(key)
        if caller is None:
            caller = self._new_caller(scope_of(request), host, secure)
            if len("".join(claim or "")) + len(host) <= SCOPE_LENGTH_MAX:
                if len(self._callers) >= CALLERS_REMEMBERED:
                    self._callers.clear()
                self._callers[key] = caller
        if (trace := headers.get("x-amzn-trace-id")) is not None:
            return msgspec.structs.replace(caller, trace_header=trace)
        return caller

    def _new_caller(self, scope: Scope | None, host: str, secure: bool) -> Caller:
        settings = self._settings
        account, region, principal = settings.account, settings.region, "anonymous"
        if scope is not None:
            region = scope.region or region
            principal = scope.access_key
            if len(principal) == 12 and principal.isdigit():
                account = principal
        base_url = settings.public_url or f"{_scheme(secure)}://{host or f'{settings.host}:{settings.port}'}"
        return Caller(account, region, principal, base_url.rstrip("/"))


def _scheme(secure: bool) -> str:
    return "https" if secure else "http"
