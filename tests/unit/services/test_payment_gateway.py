"""The payment service and the real simulated provider: every misbehaviour becomes a value, and webhooks find their way back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from crossdock.clock import SystemClock
from crossdock.services.money import Money
from crossdock.services.payments import store
from crossdock.services.payments.api import KINDS, PaymentsApi
from crossdock.services.payments.gateway import Charged, ChargeOrder, Declined, Refunded, SimulatedProvider, Unknown
from crossdock.services.provider.service import provider
from crossdock.services.settings import ProviderSettings
from crossdock.services.web import ServiceApi, serving
from crossdock.services.webhook_signature import HEADER, sign


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """The gateway's client."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """A running provider."""
    async with provider(ProviderSettings(data=tmp_path), SystemClock()) as url:
        yield url


@pytest.fixture
def gateway(url: str, http: aiohttp.ClientSession) -> SimulatedProvider:
    """A gateway to it."""
    return SimulatedProvider(http, url)


def charge(card: str = "tok_visa", key: str = "k", minor: int = 5998) -> ChargeOrder:
    """A charge."""
    return ChargeOrder(key=key, order_id="ord_1", amount=Money(minor), card=card)


async def test_charges_and_refunds(gateway: SimulatedProvider) -> None:
    """A charge and its refund succeed, and repeat their answers."""
    charged = await gateway.charge(charge())
    assert isinstance(charged, Charged)
    assert await gateway.charge(charge()) == charged
    refunded = await gateway.refund("r", charged.transaction_id)
    assert isinstance(refunded, Refunded)
    assert await gateway.refund("r", charged.transaction_id) == refunded


async def test_declines_are_values(gateway: SimulatedProvider) -> None:
    """A declined card, and a request that the provider cannot take, charge nothing."""
    assert await gateway.charge(charge("tok_expired_card")) == Declined("expired_card")
    assert await gateway.charge(charge("x" * 200, "k2")) == Declined("invalid_request")


@pytest.mark.parametrize("card", ["tok_timeout", "tok_error"])
async def test_silence_and_errors_are_unknown_until_asked_again(
    card: str, url: str, gateway: SimulatedProvider
) -> None:
    """No answer and an error are unknown; the same key then tells the truth."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.3)) as impatient:
        assert isinstance(await SimulatedProvider(impatient, url).charge(charge(card)), Unknown)
    while isinstance(told := await gateway.charge(charge(card)), Unknown):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert isinstance(told, Charged)


async def test_other_amounts_are_not_believed(gateway: SimulatedProvider) -> None:
    """A key that was used for another amount settles nothing."""
    await gateway.charge(charge())
    assert isinstance(await gateway.charge(charge(minor=1)), Unknown)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://127.0.0.1:1/x"])
async def test_a_provider_that_is_not_there(url: str, http: aiohttp.ClientSession) -> None:
    """A connection that fails is unknown, not an exception."""
    assert isinstance(await SimulatedProvider(http, url).charge(charge()), Unknown)


async def test_webhooks_are_recorded_when_genuine(workbench: Any) -> None:
    """A signed webhook is recorded once and wakes the reconciler; a forged or malformed one leaves no trace."""
    ground = await workbench.open("payments")
    woken: list[None] = []
    api = ServiceApi("payments", KINDS, ground.check)
    api.include_router(PaymentsApi(ground, "s", lambda: woken.append(None)).router())
    data = '{"id":"txn_1","idempotencyKey":"k","amount":1,"currency":"USD"}'
    body = f'{{"id":"evt_1","type":"charge.succeeded","data":{data}}}'.encode()
    genuine = sign("s", body, ground.clock.now_ms())
    async with serving(api, ground.listener) as url, aiohttp.ClientSession(url) as http:

        async def post(body: bytes, signature: str) -> int:
            headers = {HEADER: signature, "Content-Type": "application/json"}
            async with http.post("/webhooks/provider", data=body, headers=headers) as response:
                return response.status

        assert await post(body, "") == 401
        assert await post(body, sign("other", body, ground.clock.now_ms())) == 401
        assert await post(b"{}", sign("s", b"{}", ground.clock.now_ms())) == 422
        assert await post(b"{", sign("s", b"{", ground.clock.now_ms())) == 400
        assert woken == []
        assert [await post(body, genuine) for _ in range(2)] == [200, 200]
        async with http.get("/payments/ord_none") as response:
            assert response.status == 404
    async with ground.reading() as session:
        assert await store.unhandled_webhooks(session, 10) == [("evt_1", body)]
