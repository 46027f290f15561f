"""Money: exact both ways, every currency with its own decimals, and clear refusals."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.services.money import MINOR_MAX, Money, MoneyError, decimals, money, total

CURRENCIES = st.sampled_from(["USD", "EUR", "JPY", "KRW", "KWD", "BHD", "CLF"])


@given(minor=st.integers(-MINOR_MAX, MINOR_MAX), currency=CURRENCIES)
def test_minor_units_survive_the_wire(minor: int, currency: str) -> None:
    """Minor units become a decimal number and are the same minor units again."""
    there = Money(minor, currency)
    assert money(Decimal(str(there.amount)), currency) == there


@pytest.mark.parametrize(
    ("text", "currency", "minor", "number", "people"),
    [
        ("59.98", "USD", 5998, "59.98", "59.98 USD"),
        ("59.90", "USD", 5990, "59.9", "59.90 USD"),
        ("60.00", "EUR", 6000, "60", "60.00 EUR"),
        ("600000", "USD", 60_000_000, "600000", "600,000.00 USD"),
        ("0", "USD", 0, "0", "0.00 USD"),
        ("1234", "JPY", 1234, "1234", "1,234 JPY"),
        ("1e3", "JPY", 1000, "1000", "1,000 JPY"),
        ("1.234", "KWD", 1234, "1.234", "1.234 KWD"),
        ("1.2345", "CLF", 12345, "1.2345", "1.2345 CLF"),
        ("92233720368547758.07", "USD", MINOR_MAX, "92233720368547758.07", "92,233,720,368,547,758.07 USD"),
    ],
)
def test_amounts(text: str, currency: str, minor: int, number: str, people: str) -> None:
    """A decimal number has one value in minor units, one shortest form on the wire and one for people."""
    amount = money(Decimal(text), currency)
    assert amount.minor == minor
    assert str(amount.amount) == number
    assert str(amount) == people


@pytest.mark.parametrize(
    ("text", "currency", "why"),
    [
        ("1.1", "JPY", "JPY has no decimals"),
        ("1.001", "USD", "USD has 2 decimals"),
        ("1.0000000000000000000000000000000001", "USD", "USD has 2 decimals"),
        ("1e-99999999", "USD", "too many digits"),
        ("1e99999999", "USD", "too many digits"),
        ("92233720368547758.08", "USD", "too large"),
        ("NaN", "USD", "finite"),
        ("-Infinity", "USD", "finite"),
        ("1", "usd", "ISO 4217"),
        ("1", "XXQ", "ISO 4217"),
    ],
)
def test_refusals(text: str, currency: str, why: str) -> None:
    """What cannot be represented is refused with the reason."""
    with pytest.raises(MoneyError, match=why):
        money(Decimal(text), currency)


def test_a_total_that_overflows_is_refused() -> None:
    """A sum beyond 64 bits is an error, not a wrong number."""
    assert total([Money(1), Money(2)], "USD") == Money(3)
    with pytest.raises(MoneyError, match="too large"):
        total([Money(MINOR_MAX), Money(1)], "USD")


def test_decimals() -> None:
    """The minor unit of a currency is that of ISO 4217."""
    assert [decimals(code) for code in ("JPY", "USD", "KWD", "CLF")] == [0, 2, 3, 4]
