"""Who is calling, and for which service a signature is good."""

import pytest

from crossdock.aws.errors import SignatureDoesNotMatch
from crossdock.aws.sigv4 import Signer
from crossdock.aws.wire.http import HttpRequest
from crossdock.broker.access import Access
from crossdock.broker.settings import BrokerSettings, Durability
from crossdock.clock import ManualClock

CLOCK = ManualClock(1_700_000_000_000)
SETTINGS = BrokerSettings(durability=Durability.MEMORY)
KEY = "123456789012"


def signed(service: str, presigned: bool) -> HttpRequest:
    """A request with a true signature for a service."""
    signer = Signer(KEY, "secret", "eu-west-1", service)
    request = HttpRequest("POST", "/", {"host": "127.0.0.1"}, b"{}")
    return signer.presign(request, CLOCK.now_ms(), 60) if presigned else signer.sign(request, CLOCK.now_ms())


@pytest.mark.parametrize("presigned", [False, True])
@pytest.mark.parametrize(("service", "other"), [("sqs", "monitoring"), ("monitoring", "sqs")])
def test_a_signature_is_good_for_its_own_service_alone(service: str, other: str, presigned: bool) -> None:
    """With credentials configured, what is signed for SQS opens nothing at CloudWatch, and the reverse."""
    access = Access(SETTINGS, CLOCK, {KEY: "secret"})
    caller = access.caller(signed(service, presigned), False, service)
    assert (caller.account, caller.region) == (KEY, "eu-west-1")
    with pytest.raises(SignatureDoesNotMatch, match=f"Credential should be scoped to correct service: '{other}'"):
        access.caller(signed(service, presigned), False, other)


def test_without_credentials_every_scope_is_welcome() -> None:
    """Nothing is verified where nothing is configured: only account and region are read from the scope."""
    caller = Access(SETTINGS, CLOCK, None).caller(signed("sqs", False), False, "monitoring")
    assert (caller.account, caller.region) == (KEY, "eu-west-1")
