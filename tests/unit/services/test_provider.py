"""The simulated provider over real HTTP: the contract that the payment service relies on."""

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import islice
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from crossdock.clock import SystemClock
from crossdock.services.cards import CARDS
from crossdock.services.provider.model import Knobs, plan
from crossdock.services.provider.service import provider
from crossdock.services.settings import ProviderSettings
from crossdock.services.webhook_signature import HEADER, sign, verify

CHARGE = {"amount": 5998, "currency": "USD", "card": "tok_visa", "reference": "ord_1"}


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a provider on a free port."""
    async with provider(ProviderSettings(data=tmp_path), SystemClock()) as url, aiohttp.ClientSession(url) as session:
        yield session


async def post(http: aiohttp.ClientSession, path: str, body: Any, key: str = "k") -> tuple[int, Any]:
    """A POST with a key."""
    async with http.post(path, json=body, headers={"Idempotency-Key": key}) as response:
        return response.status, await response.json(content_type=None)


async def ledger(http: aiohttp.ClientSession) -> dict[str, Any]:
    """What was charged and refunded."""
    async with http.get("/ledger") as response:
        return dict(await response.json())


async def knobs(http: aiohttp.ClientSession, **change: Any) -> int:
    """Turn knobs."""
    async with http.put("/knobs", json=change) as response:
        return response.status


async def test_a_charge_is_replayed(http: aiohttp.ClientSession) -> None:
    """The same key gives the same answer and one charge."""
    first = await post(http, "/charges", CHARGE)
    assert first[0] == 201
    assert await post(http, "/charges", CHARGE) == first
    assert len((await ledger(http))["charges"]) == 1


async def test_a_key_belongs_to_one_charge(http: aiohttp.ClientSession) -> None:
    """The same key with another amount is refused."""
    await post(http, "/charges", CHARGE)
    assert (await post(http, "/charges", CHARGE | {"amount": 1}))[0] == 409


async def test_a_key_in_flight_is_refused(http: aiohttp.ClientSession) -> None:
    """While the first request with a key is in work, a second one gets 409."""
    await knobs(http, latencyMs=60_000)
    asking = [asyncio.create_task(post(http, "/charges", CHARGE)) for _ in range(3)]
    for refused in islice(asyncio.as_completed(asking), 2):
        assert (await refused)[0] == 409
    [first] = [one for one in asking if not one.done()]
    first.cancel()


@pytest.mark.parametrize("card", [name for name, card in CARDS.items() if card.decline_code])
async def test_declines(card: str, http: aiohttp.ClientSession) -> None:
    """A declining card is answered 402 with its code, and again when repeated."""
    for _ in range(2):
        status, charge = await post(http, "/charges", CHARGE | {"card": card})
        assert (status, charge["code"]) == (402, CARDS[card].decline_code)


async def test_an_unknown_card_is_declined(http: aiohttp.ClientSession) -> None:
    """No card outside the list takes money."""
    assert (await post(http, "/charges", CHARGE | {"card": "4242"}))[0] == 402


async def test_timeout_after_charging(http: aiohttp.ClientSession) -> None:
    """The answer never comes, the money is taken, and a repetition tells so at once."""
    asking = asyncio.create_task(post(http, "/charges", CHARGE | {"card": "tok_timeout"}))
    while not (await ledger(http))["charges"]:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert not asking.done()
    asking.cancel()
    assert len((await ledger(http))["charges"]) == 1
    assert (await post(http, "/charges", CHARGE | {"card": "tok_timeout"}))[0] == 201


async def test_a_charge_goes_on_without_its_client(http: aiohttp.ClientSession) -> None:
    """A client that gives up does not stop the charge: the next request finds it under way, a later one finds it made."""
    await knobs(http, slowMs=100)
    slow = CHARGE | {"card": "tok_slow"}
    for charges in range(
        1, 21
    ):  # where the machine stands still, the charge is made before anybody looks: once more then
        with pytest.raises(asyncio.TimeoutError):
            async with asyncio.timeout(0.05):
                await post(http, "/charges", slow, f"k{charges}")
        found = [(await post(http, "/charges", slow, f"k{charges}"))[0]]
        while found[-1] == 409:
            await asyncio.sleep(0.02)
            found.append((await post(http, "/charges", slow, f"k{charges}"))[0])
        assert found[-1] == 201
        assert len((await ledger(http))["charges"]) == charges
        if len(found) > 1:
            return
    pytest.fail("the charge ends with its client")


async def test_error_before_charging(http: aiohttp.ClientSession) -> None:
    """The first request fails with nothing charged, the second succeeds."""
    assert (await post(http, "/charges", CHARGE | {"card": "tok_error"}))[0] == 500
    assert (await ledger(http))["charges"] == []
    assert (await post(http, "/charges", CHARGE | {"card": "tok_error"}))[0] == 201


async def test_refunds(http: aiohttp.ClientSession) -> None:
    """A charge is given back once: a repetition is replayed, another key is refused, a declined charge has nothing to give."""
    _, charge = await post(http, "/charges", CHARGE)
    first = await post(http, "/refunds", {"charge": charge["id"]}, "r1")
    assert first[0] == 201
    assert first[1]["amount"] == 5998
    assert await post(http, "/refunds", {"charge": charge["id"]}, "r1") == first
    assert (await post(http, "/refunds", {"charge": charge["id"]}, "r2"))[0] == 409
    _, declined = await post(http, "/charges", CHARGE | {"card": "tok_declined"}, "k2")
    assert (await post(http, "/refunds", {"charge": declined["id"]}, "r3"))[0] == 409
    assert (await post(http, "/refunds", {"charge": "txn_none"}, "r4"))[0] == 404
    assert len((await ledger(http))["refunds"]) == 1


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/charges", CHARGE | {"amount": -1}, 422),
        ("/charges", CHARGE | {"amount": 1.5}, 422),
        ("/charges", CHARGE | {"currency": "usd"}, 422),
        ("/charges", CHARGE | {"tip": 1}, 422),
        ("/charges", {}, 422),
        ("/nowhere", {}, 404),
        ("/ledger", {}, 405),
    ],
)
async def test_bad_requests(path: str, body: Any, status: int, http: aiohttp.ClientSession) -> None:
    """Errors are problems, and nothing is charged."""
    got, problem = await post(http, path, body)
    assert (got, problem["status"]) == (status, status)
    assert (await ledger(http))["charges"] == []


async def test_a_key_is_required(http: aiohttp.ClientSession) -> None:
    """A charge without an idempotency key is refused."""
    async with http.post("/charges", json=CHARGE) as response:
        assert response.status == 400


async def test_the_body_must_be_json(http: aiohttp.ClientSession) -> None:
    """Other media types, broken JSON and huge bodies have their own statuses."""
    headers = {"Idempotency-Key": "k"}
    async with http.post("/charges", data=b"{}", headers=headers | {"Content-Type": "text/plain"}) as response:
        assert response.status == 415
    headers["Content-Type"] = "application/json"
    async with http.post("/charges", data=b"{", headers=headers) as response:
        assert response.status == 400
    async with http.post("/charges", data=b" " * 100_000, headers=headers) as response:
        assert response.status == 413


async def test_knobs(http: aiohttp.ClientSession) -> None:
    """PUT turns the knobs it names and leaves the others; nonsense is refused and changes nothing."""
    assert await knobs(http, latencyMs=5) == 200
    assert await knobs(http, declineRate=1) == 200
    assert await knobs(http, declineRate=2) == 422
    assert await knobs(http, volume=11) == 422
    async with http.get("/knobs") as response:
        got = await response.json()
    assert (got["latencyMs"], got["declineRate"]) == (5, 1.0)
    assert (await post(http, "/charges", CHARGE))[0] == 402


async def test_books_and_knobs_survive_a_restart(tmp_path: Path) -> None:
    """What was charged, refused on purpose and turned is known to the next process."""
    settings = ProviderSettings(data=tmp_path)
    async with provider(settings, SystemClock()) as url, aiohttp.ClientSession(url) as http:
        await post(http, "/charges", CHARGE | {"card": "tok_error"}, "e")
        first = await post(http, "/charges", CHARGE)
        await knobs(http, slowMs=1)
    async with provider(settings, SystemClock()) as url, aiohttp.ClientSession(url) as http:
        assert await post(http, "/charges", CHARGE) == first
        assert (await post(http, "/charges", CHARGE | {"card": "tok_error"}, "e"))[0] == 201
        async with http.get("/knobs") as response:
            assert (await response.json())["slowMs"] == 1


async def test_webhooks(tmp_path: Path) -> None:
    """Events are signed, come as often as the knob says, and come again until they are acknowledged."""
    got: list[tuple[str, bytes]] = []
    done = asyncio.Event()

    async def receive(request: web.Request) -> web.Response:
        got.append((request.headers[HEADER], await request.read()))
        if len(got) >= 4:
            done.set()
        return web.Response(status=500 if len(got) == 1 else 200)

    app = web.Application()
    app.add_routes([web.post("/hook", receive)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    settings = ProviderSettings(data=tmp_path, webhook_url=hook, webhook_secret="s")
    async with provider(settings, SystemClock()) as url, aiohttp.ClientSession(url) as http:
        await knobs(http, webhookCopies=3, webhookSpreadMs=50)
        _, charge = await post(http, "/charges", CHARGE)
        async with asyncio.timeout(60):
            await done.wait()
    await runner.cleanup()
    assert all(verify("s", body, header, SystemClock().now_ms()) for header, body in got)
    events = [json.loads(body) for _, body in got]
    assert {event["id"] for event in events} == {events[0]["id"]}
    assert events[0]["type"] == "charge.succeeded"
    assert events[0]["data"]["id"] == charge["id"]


@pytest.mark.parametrize("header", ["", "t=,v1=", "t=1,v1=00", "v1=00", "t=99999999999999999999,v1=0", "t=é,v1=é"])
def test_malformed_signatures_are_refused(header: str) -> None:
    """Nothing but a genuine header verifies, and nothing raises."""
    assert not verify("s", b"body", header, 1000)


def test_signatures() -> None:
    """A signature holds for its secret, its body and five minutes."""
    header = sign("s", b"body", 1_000_000)
    assert verify("s", b"body", header, 1_300_000)
    assert not verify("s", b"body", header, 1_301_000)
    assert not verify("t", b"body", header, 1_000_000)
    assert not verify("s", b"Body", header, 1_000_000)


@given(chance=st.floats(0, 1, exclude_max=True), card=st.sampled_from(sorted(CARDS)), failed=st.booleans())
def test_without_faults_a_good_card_is_charged(chance: float, card: str, failed: bool) -> None:
    """With all rates at zero only the card decides."""
    assert plan(card, Knobs(), failed_before=failed, chance=chance) == plan(
        card, Knobs(), failed_before=failed, chance=0.0
    )
