"""Templates into messages: Jinja2 in a sandbox, every variable must be there, HTML is escaped and its CSS inlined.

A template is three files, `NAME.txt`, `NAME.html` and `NAME.sms.txt`, and an example of its variables in `EXAMPLES`, by which it can be
previewed. Sending is left to the channels.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import css_inline
import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from crossdock.services.contracts import Channel
from crossdock.services.money import DEFAULT_CURRENCY, money
from crossdock.services.notifications.model import Content

_ORDER: dict[str, Any] = {
    "orderId": "ord_123456",
    "items": [
        {"productId": "prod_001", "name": "Teapot, 0.8 l", "quantity": 2, "price": Decimal("29.99")},
        {"productId": "prod_002", "quantity": 1, "price": Decimal("5")},
    ],
    "totalAmount": Decimal("64.98"),
    "currency": "USD",
    "customerName": "Ada",
}

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "order_confirmation": _ORDER | {"transactionId": "txn_abc123"},
    "payment_failed": _ORDER | {"reason": "insufficient_funds"},
    "order_cancelled": _ORDER,
    "refund_issued": _ORDER | {"transactionId": "txn_abc123"},
}
"""Every template there is, with variables to preview it by."""


class RenderingError(Exception):
    """A message that cannot be made: no such template, a variable that is missing or of the wrong kind. The text says which."""


class Renderer:
    """The templates, loaded."""

    def __init__(self) -> None:
        self._environment = ImmutableSandboxedEnvironment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
            undefined=jinja2.StrictUndefined,
            autoescape=jinja2.select_autoescape(["html"], default=False),
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["money"] = _money
        self._inliner = css_inline.CSSInliner(load_remote_stylesheets=False)

    def render(self, template: str, channel: Channel, subject: str, variables: Mapping[str, Any]) -> Content:
        """The message for a channel. Raises RenderingError."""
        if template not in EXAMPLES:
            raise RenderingError(f"there is no template {template!r}")
        if channel is Channel.SMS:
            return Content(subject, self._text(f"{template}.sms.txt", variables).strip())
        html = self._inliner.inline(self._text(f"{template}.html", variables))
        return Content(subject, self._text(f"{template}.txt", variables), html)

    def _text(self, file: str, variables: Mapping[str, Any]) -> str:
        try:
            return self._environment.get_template(file).render(variables)
        except (jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise RenderingError(f"{file}: {error}") from None


def _money(amount: Decimal | int, currency: str = DEFAULT_CURRENCY) -> str:
    """An amount for people: `59.90 USD`. Raises ValueError for what is no amount of money."""
    if isinstance(amount, bool) or not isinstance(amount, Decimal | int):
        raise ValueError(f"{amount} is not an amount")
    return str(money(amount, currency))
