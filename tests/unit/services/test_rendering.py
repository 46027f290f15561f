"""Every template renders, escapes, and refuses what it cannot render."""

from decimal import Decimal

import pytest

from crossdock.services.contracts import Channel
from crossdock.services.notifications.rendering import EXAMPLES, Renderer, RenderingError

RENDERER = Renderer()
GUIDE = {"orderId": "ord_123456", "items": [{"productId": "p", "quantity": 2, "price": Decimal("29.99")}]}


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_every_template_previews(name: str) -> None:
    """Text, HTML with inlined CSS and SMS come of every template and its example."""
    email = RENDERER.render(name, Channel.EMAIL, "Subject", EXAMPLES[name])
    assert "ord_123456" in email.text
    assert "64.98 USD" in email.text
    assert "Teapot, 0.8 l" in email.html
    assert 'style="' in email.html
    sms = RENDERER.render(name, Channel.SMS, "Subject", EXAMPLES[name])
    assert "ord_123456" in sms.text
    assert len(sms.text) <= 160
    assert sms.html == ""


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_the_guides_data_is_enough(name: str) -> None:
    """The guide's three variables render every template, in US dollars."""
    content = RENDERER.render(name, Channel.EMAIL, "Subject", GUIDE | {"totalAmount": Decimal("59.98")})
    assert "59.98 USD" in content.text
    assert "59.98 USD" in content.html


@pytest.mark.parametrize("missing", ["orderId", "items", "totalAmount"])
def test_a_missing_variable_is_named(missing: str) -> None:
    """A template never renders a hole."""
    variables = {name: value for name, value in EXAMPLES["order_confirmation"].items() if name != missing}
    with pytest.raises(RenderingError, match=missing):
        RENDERER.render("order_confirmation", Channel.EMAIL, "Subject", variables)


@pytest.mark.parametrize("name", ["nothing", "", "layout", "../handlers", "items"])
def test_an_unknown_template_is_refused(name: str) -> None:
    """Only templates of the catalogue can be asked for."""
    with pytest.raises(RenderingError, match="no template"):
        RENDERER.render(name, Channel.EMAIL, "Subject", GUIDE)


@pytest.mark.parametrize(
    "change",
    [
        {"items": 7},
        {"items": [1]},
        {"totalAmount": "much"},
        {"totalAmount": True},
        {"currency": "XXQ"},
        {"currency": []},
    ],
)
def test_wrong_kinds_are_refused(change: dict[str, object]) -> None:
    """A variable of the wrong kind is an error of the message, not of the service."""
    with pytest.raises(RenderingError):
        RENDERER.render("order_confirmation", Channel.EMAIL, "Subject", EXAMPLES["order_confirmation"] | change)


def test_html_is_escaped_and_templates_in_data_are_not_run() -> None:
    """Data is data: markup is escaped in HTML, and braces are only braces."""
    evil = EXAMPLES["order_confirmation"] | {"customerName": "<script>{{ 7 * 7 }}</script>"}
    content = RENDERER.render("order_confirmation", Channel.EMAIL, "Subject", evil)
    assert "<script>" not in content.html
    assert "&lt;script&gt;{{ 7 * 7 }}" in content.html
