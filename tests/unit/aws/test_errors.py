"""Errors know their words, and words find their error."""

import pytest

from crossdock.aws.errors import ApiError, PurgeQueueInProgress, QueueDoesNotExist, SenderError, error_named


def test_the_docstring_is_the_default_text() -> None:
    """An error without a text of its own says what its type says."""
    assert QueueDoesNotExist().message == "The specified queue does not exist."
    assert QueueDoesNotExist("Gone.").message == "Gone."


@pytest.mark.parametrize("error_type", [QueueDoesNotExist, PurgeQueueInProgress, ApiError])
def test_a_legacy_code_finds_its_type(error_type: type[ApiError]) -> None:
    """A client turns the code of a response back into the type that the server raised."""
    assert error_named(error_type.code, error_type.shape, error_type.status, "Sender") is error_type


@pytest.mark.parametrize(
    ("status", "fault", "sender_fault"),
    [(400, "", True), (503, "", False), (400, "Receiver", False), (503, "Sender", True)],
)
def test_foreign_codes(status: int, fault: str, sender_fault: bool) -> None:
    """A code that is none of ours makes an error that carries it; whose fault it is follows from the status where it is not said."""
    error = error_named("KMS.NotFoundException", "KmsNotFound", status, fault)()
    assert not isinstance(error, SenderError)
    assert (error.code, error.shape, error.status) == ("KMS.NotFoundException", "KmsNotFound", status)
    assert error.sender_fault is sender_fault
    assert error.message == f"The service answered KMS.NotFoundException with status {status}."
