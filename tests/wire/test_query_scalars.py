"""Numbers and moments as the Query protocol writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.aws.shapes import MOMENTS, Moment
from crossdock.aws.wire.query_scalars import read_scalar, write_scalar


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (0.0, "1970-01-01T00:00:00Z"),
        (1_700_000_000.0, "2023-11-14T22:13:20Z"),
        (1_700_000_000.25, "2023-11-14T22:13:20.250Z"),
        (-0.001, "1969-12-31T23:59:59.999Z"),
        (MOMENTS[0], "0001-01-01T00:00:00Z"),
        (MOMENTS[1], "9999-12-31T23:59:59Z"),
    ],
)
def test_moments_both_ways(moment: float, text: str) -> None:
    """A moment is written in UTC, with milliseconds only where there are any, and read back as it was."""
    assert write_scalar(Moment, moment) == text
    assert read_scalar(Moment, text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "2023-11-14T22:13:20",
        "2023-11-14T22:13:20.000Z",
        "2023-11-14T22:13:20.000000+00:00",
        "2023-11-14T23:13:20+01:00",
        "2023-11-14T16:43:20-05:30",
        "20231114T221320Z",
    ],
)
def test_spellings_of_a_moment(text: str) -> None:
    """Offsets and fractions are taken; without an offset a moment is in UTC."""
    assert read_scalar(Moment, text) == 1_700_000_000


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59.999999-05:00"])
def test_moments_beyond_the_calendar(text: str) -> None:
    """A moment that an offset carries out of the years 1 to 9999 is the first or the last of them."""
    assert read_scalar(Moment, text) in MOMENTS


@pytest.mark.parametrize("text", ["", "now", "1700000000", "2023-13-01T00:00:00Z", "2023-11-14T22:13:20+25:00"])
def test_moments_that_are_none(text: str) -> None:
    """What is not ISO 8601 is refused."""
    with pytest.raises(ValueError, match="ISO 8601"):
        read_scalar(Moment, text)


@pytest.mark.parametrize("text", ["", "a", "1_0", " 1", "nan", "inf", "-Infinity", "1e999", "٣", "0x1"])
def test_numbers_that_are_none(text: str) -> None:
    """A number is decimal and finite."""
    with pytest.raises(ValueError, match="Must be a number"):
        read_scalar(float, text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_both_ways(number: float) -> None:
    """Every finite number survives."""
    assert read_scalar(float, write_scalar(float, number)) == number


@given(st.text(max_size=40) | st.text("0123456789-+:TZ.W", max_size=30))
def test_any_text_is_a_value_or_refused(text: str) -> None:
    """Nothing but ValueError comes of a text that is no moment and no number, and what is one can be written."""
    for scalar_type in (Moment, float):
        try:
            value = read_scalar(scalar_type, text)
        except ValueError:
            continue
        assert write_scalar(scalar_type, value)
