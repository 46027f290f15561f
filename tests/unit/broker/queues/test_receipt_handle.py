"""Receipt handles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.aws.errors import ReceiptHandleIsInvalid
from crossdock.broker.queues.receipt_handle import make_handle, read_handle


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1))
def test_round_trip(sequence: int, receive_count: int) -> None:
    """What a handle was made of can be read from it."""
    assert read_handle(make_handle(sequence, receive_count)) == (sequence, receive_count)


@given(st.text(max_size=40))
def test_garbage(text: str) -> None:
    """Fact 98: whatever else is given is not a valid handle, and the error repeats it."""
    with pytest.raises(ReceiptHandleIsInvalid) as raised:
        read_handle(text)
    assert raised.value.message == f'The input receipt handle "{text}" is not a valid receipt handle.'


@given(st.integers(0, 23), st.sampled_from("ABCxyz019+/="))
def test_damaged(place: int, letter: str) -> None:
    """A handle with one character changed is not a handle of another message."""
    handle = make_handle(1 << 40 | 17, 3)
    damaged = handle[:place] + letter + handle[place + 1 :]
    if damaged != handle:
        with pytest.raises(ReceiptHandleIsInvalid):
            read_handle(damaged)
