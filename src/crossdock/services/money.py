"""Money: integer minor units and an ISO 4217 code inside, the guide's decimal numbers on the wire, exact both ways.

No amount ever passes through a binary float: JSON numbers are decoded to `Decimal` and encoded from it. What an order or a
payment does with money is left to their models.
"""

from decimal import Context, Decimal
from typing import Final

import msgspec

DEFAULT_CURRENCY: Final = "USD"
"""The currency of the guide's bodies, which name none."""

MINOR_MAX: Final = 2**63 - 1
"""The largest amount, in minor units, that every database column and JSON reader of ours holds."""

_CODES: dict[int, str] = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP "
    "CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD "
    "KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK "
    "NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS "
    "TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DECIMALS: dict[str, int] = {code: places for places, codes in _CODES.items() for code in codes.split()}
"""Decimals of the minor unit by currency (ISO 4217, table A.1)."""


_DIGITS_MAX = 40
_EXACT = Context(prec=2 * _DIGITS_MAX + 4)
"""Wide enough that no amount of _DIGITS_MAX digits is ever rounded."""


class MoneyError(ValueError):
    """An amount or currency that cannot be represented; its text is a sentence for the customer."""


class Money(msgspec.Struct, frozen=True, gc=False):
    """An amount of one currency in minor units: `Money(5998, "USD")` is 59.98 US dollars."""

    minor: int
    currency: str = DEFAULT_CURRENCY

    @property
    def amount(self) -> Decimal:
        """The guide's decimal number, written as JavaScript writes it: 59.98, 59.9, 60."""
        return _shortest(Decimal(self.minor).scaleb(-decimals(self.currency)))

    def __str__(self) -> str:
        """For people: `59.90 USD`, `1,234 JPY`."""
        return f"{Decimal(self.minor).scaleb(-decimals(self.currency)):,f} {self.currency}"


def decimals(currency: str) -> int:
    """How many decimals the currency's minor unit has. Raises MoneyError for a code that ISO 4217 does not list."""
    try:
        return _DECIMALS[currency]
    except KeyError:
        raise MoneyError(f"{currency!r} is not a currency code of ISO 4217") from None


def money(amount: Decimal | int, currency: str = DEFAULT_CURRENCY) -> Money:
    """The exact money of a decimal number.

    Raises MoneyError if the currency is unknown, or the amount is not finite, has more decimals than the currency, or does not
    fit 64 bits in minor units. Zeros behind the last decimal do not count as decimals.
    """
    places = decimals(currency)
    exact = Decimal(amount)
    if not exact.is_finite():
        raise MoneyError("an amount is a finite number")
    _, digits, exponent = exact.as_tuple()
    if len(digits) > _DIGITS_MAX or abs(int(exponent)) > _DIGITS_MAX:
        raise MoneyError("the amount has too many digits")
    minor = exact.scaleb(places, _EXACT)
    if minor != (whole := minor.to_integral_value()):
        raise MoneyError(f"{currency} has {places or 'no'} decimals, the amount has more")
    if abs(whole) > MINOR_MAX:
        raise MoneyError("the amount is too large")
    return Money(int(whole), currency)


def total(parts: list[Money], currency: str) -> Money:
    """The sum of amounts of one currency. Raises MoneyError if it does not fit 64 bits in minor units."""
    minor = sum(part.minor for part in parts)
    if abs(minor) > MINOR_MAX:
        raise MoneyError("the total is too large")
    return Money(minor, currency)


def _shortest(amount: Decimal) -> Decimal:
    """The same number without zeros behind the last decimal and without an exponent."""
    whole = amount.to_integral_value()
    return whole.quantize(Decimal(1)) if amount == whole else amount.normalize()
