"""The way to a payment provider: a Protocol, its answers as values, and the client of the simulated provider.

A gateway never raises for what the world does: no answer, an error of the provider or a lost connection are all `Unknown`, and the same
question with the same key may be asked again. What an answer means for a payment is left to settlement.py.
"""

from http import HTTPStatus
from typing import Any, Protocol

import aiohttp
import msgspec

from crossdock.services.money import Money


class Charged(msgspec.Struct, frozen=True):
    """The money was taken."""

    transaction_id: str


class Declined(msgspec.Struct, frozen=True):
    """No money was taken and none will be under this key; `code` says why."""

    code: str


class Refunded(msgspec.Struct, frozen=True):
    """The money was given back."""

    refund_id: str


class Unknown(msgspec.Struct, frozen=True):
    """Nobody knows yet whether it was done."""

    why: str


ChargeResult = Charged | Declined | Unknown
RefundResult = Refunded | Unknown
Result = ChargeResult | RefundResult


class ChargeOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be taken from whom, and for what. `key` makes the request idempotent."""

    key: str
    order_id: str
    amount: Money
    card: str


class PaymentGateway(Protocol):
    """A payment provider."""

    async def charge(self, order: ChargeOrder) -> ChargeResult:
        """Take money, or tell what became of an earlier request with the same key."""

    async def refund(self, key: str, transaction_id: str) -> RefundResult:
        """Give a whole charge back, or tell what became of an earlier request with the same key."""


class _Answer(msgspec.Struct):
    """The members of a provider's answer that matter here."""

    id: str = ""
    amount: int = -1
    currency: str = ""
    code: str = ""


_NOTHING_CHARGED = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)


class SimulatedProvider:
    """The client of services/provider. An open aiohttp session is handed in; its timeout is the gateway's."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url.rstrip("/")

    async def charge(self, order: ChargeOrder) -> ChargeResult:
        """See PaymentGateway."""
        body = {
            "amount": order.amount.minor,
            "currency": order.amount.currency,
            "card": order.card,
            "reference": order.order_id,
        }
        got = await self._post("/charges", order.key, body)
        if isinstance(got, Unknown):
            return got
        status, answer = got
        if status == HTTPStatus.PAYMENT_REQUIRED:
            return Declined(answer.code)
        if status in _NOTHING_CHARGED:
            return Declined("invalid_request")
        if status != HTTPStatus.CREATED:
            return Unknown(f"HTTP {status}")
        if (answer.amount, answer.currency) != (order.amount.minor, order.amount.currency):
            return Unknown(f"the provider speaks of {answer.amount} {answer.currency}")
        return Charged(answer.id)

    async def refund(self, key: str, transaction_id: str) -> RefundResult:
        """See PaymentGateway."""
        got = await self._post("/refunds", key, {"charge": transaction_id})
        if isinstance(got, Unknown):
            return got
        status, answer = got
        return Refunded(answer.id) if status == HTTPStatus.CREATED else Unknown(f"HTTP {status}")

    async def _post(self, path: str, key: str, body: dict[str, Any]) -> tuple[int, _Answer] | Unknown:
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        try:
            async with self._http.post(self._url + path, data=msgspec.json.encode(body), headers=headers) as response:
                return response.status, msgspec.json.decode(await response.read(), type=_Answer)
        except TimeoutError:
            return Unknown("no answer in time")
        except (aiohttp.ClientError, OSError, msgspec.DecodeError) as error:
            return Unknown(type(error).__name__)
