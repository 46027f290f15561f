"""Every error of the API as a type: the shape's name (JSON `__type`), the legacy code (Query `<Code>`), the HTTP status, the text.

The docstring of a type is its default text. SDKs show the legacy code as `Error.Code` over both protocols: JSON carries it in the
header `x-amzn-query-error`. Source: the Query-era service model and recordings of AWS; the current model no longer has the codes.
"""

from collections.abc import Iterator
from typing import ClassVar


class ApiError(Exception):
    """We encountered an internal error. Please try again."""

    shape: ClassVar[str] = "InternalFailure"
    code: ClassVar[str] = "InternalFailure"
    status: ClassVar[int] = 500
    sender_fault: ClassVar[bool] = False
    common: ClassVar[bool] = True
    """Whether it is an error of the framework below every service, not of the service that was asked: JSON tells them apart."""
    query_message: ClassVar[str | None] = None
    """The text over the Query protocol where it differs."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)

    @property
    def message(self) -> str:
        return str(self.args[0])


class SenderError(ApiError):
    """The request is not valid."""

    status = 400
    sender_fault = True
    common = False

    def __init_subclass__(
        cls, code: str | None = None, shape: str | None = None, status: int = 400, common: bool = False
    ) -> None:
        cls.shape = shape or cls.__name__
        cls.code = code or cls.shape
        cls.status = status
        cls.common = common


class ServiceUnavailable(ApiError):
    """The request has failed due to a temporary failure of the server."""

    shape = "ServiceUnavailable"
    code = "ServiceUnavailable"
    status = 503


# SQS


class QueueDoesNotExist(SenderError, code="AWS.SimpleQueueService.NonExistentQueue"):
    """The specified queue does not exist."""

    query_message = "The specified queue does not exist for this wsdl version."


class QueueNameExists(SenderError, code="QueueAlreadyExists"):
    """A queue already exists with the same name and a different value for an attribute"""


class QueueDeletedRecently(SenderError, code="AWS.SimpleQueueService.QueueDeletedRecently"):
    """You must wait 60 seconds after deleting a queue before you can create another with the same name."""


class PurgeQueueInProgress(SenderError, code="AWS.SimpleQueueService.PurgeQueueInProgress", status=403):
    """Only one PurgeQueue operation on a queue is allowed every 60 seconds."""


class OverLimit(SenderError, status=403):
    """The specified action violates a limit."""


class EmptyBatchRequest(SenderError, code="AWS.SimpleQueueService.EmptyBatchRequest"):
    """The batch request doesn't contain any entries."""


class TooManyEntriesInBatchRequest(SenderError, code="AWS.SimpleQueueService.TooManyEntriesInBatchRequest"):
    """The batch request contains more entries than permissible."""


class BatchEntryIdsNotDistinct(SenderError, code="AWS.SimpleQueueService.BatchEntryIdsNotDistinct"):
    """Two or more batch entries in the request have the same Id."""


class BatchRequestTooLong(SenderError, code="AWS.SimpleQueueService.BatchRequestTooLong"):
    """The length of all the messages put together is more than the limit."""


class InvalidBatchEntryId(SenderError, code="AWS.SimpleQueueService.InvalidBatchEntryId"):
    """A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."""


class MessageNotInflight(SenderError, code="AWS.SimpleQueueService.MessageNotInflight"):
    """The specified message isn't in flight."""


class UnsupportedOperation(SenderError, code="AWS.SimpleQueueService.UnsupportedOperation"):
    """The operation is not supported."""


class ReceiptHandleIsInvalid(SenderError, status=404):
    """The specified receipt handle isn't valid."""


class EmptyValue(SenderError):
    """No value found."""


class InvalidMessageContents(SenderError):
    """The message contains characters outside the allowed set."""


class InvalidAttributeName(SenderError):
    """The specified attribute doesn't exist."""


class InvalidAttributeValue(SenderError):
    """A queue attribute value is invalid."""


class ResourceNotFound(SenderError, code="ResourceNotFoundException", shape="ResourceNotFoundException", status=404):
    """One or more specified resources don't exist."""


class InvalidSecurity(SenderError, status=403):
    """The request was not made over HTTPS or did not use SigV4 for signing."""


# CloudWatch


class AlarmNotFound(SenderError, shape="ResourceNotFound", status=404):
    """The named resource does not exist."""


class LimitExceeded(SenderError, shape="LimitExceededFault", code="LimitExceeded"):
    """The quota for alarms for this customer has already been reached."""


class InvalidFormat(SenderError, shape="InvalidFormatFault", code="InvalidFormat"):
    """Data was not syntactically valid JSON."""


class InvalidNextToken(SenderError):
    """The next token specified is invalid."""


class InvalidParameterCombination(
    SenderError, shape="InvalidParameterCombinationException", code="InvalidParameterCombination"
):
    """Parameters were used together that must not be used together."""


class ValidationError(SenderError, shape="ValidationException", code="ValidationError"):
    """The input fails to satisfy the constraints of the service."""

    @classmethod
    def because(cls, value: object, member: str, constraint: str) -> "ValidationError":
        """The usual sentence: a member, its value, and what it must be."""
        said = f"Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
        return cls(f"1 validation error detected: {said}")


# Auto Scaling


class AlreadyExists(SenderError, shape="AlreadyExistsFault", code="AlreadyExists"):
    """You already have an Auto Scaling group with this name."""


class ResourceInUse(SenderError, shape="ResourceInUseFault", code="ResourceInUse"):
    """The operation can't be performed because the resource is in use."""


class ScalingActivityInProgress(SenderError, shape="ScalingActivityInProgressFault", code="ScalingActivityInProgress"):
    """The operation can't be performed because there are scaling activities in progress."""


# Common to all services


class InvalidParameterValue(
    SenderError, shape="InvalidParameterValueException", code="InvalidParameterValue", common=True
):
    """An invalid or out-of-range value was supplied for the input parameter."""

    @classmethod
    def because(cls, value: object, parameter: str, reason: str) -> "InvalidParameterValue":
        """The usual sentence: value, parameter, reason (which brings its own full stop, if any)."""
        return cls(f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")


class MissingParameter(SenderError, shape="MissingRequiredParameterException", code="MissingParameter", common=True):
    """The request must contain a parameter that it lacks."""

    @classmethod
    def named(cls, parameter: str) -> "MissingParameter":
        return cls(f"The request must contain the parameter {parameter}.")


class Serialization(SenderError, shape="SerializationException", code="MalformedInput", common=True):
    """The request body could not be read."""


class UnknownOperation(SenderError, shape="UnknownOperationException", code="InvalidAction", common=True):
    """The operation does not exist."""


class InvalidAction(SenderError, common=True):
    """The action is not valid for this endpoint."""


class AccessDenied(SenderError, shape="AccessDeniedException", code="AccessDenied", status=403, common=True):
    """Access to the resource is denied."""


class MissingAuthenticationToken(
    SenderError, shape="MissingAuthenticationTokenException", code="MissingAuthenticationToken", status=403, common=True
):
    """Request is missing Authentication Token"""


class IncompleteSignature(SenderError, shape="IncompleteSignatureException", code="IncompleteSignature", common=True):
    """The request signature does not conform to AWS standards."""


class InvalidClientTokenId(
    SenderError, shape="UnrecognizedClientException", code="InvalidClientTokenId", status=403, common=True
):
    """The security token included in the request is invalid."""


class SignatureDoesNotMatch(
    SenderError, shape="InvalidSignatureException", code="SignatureDoesNotMatch", status=403, common=True
):
    """The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."""


class MalformedQueryString(SenderError, status=404, common=True):
    """The query string contains a syntax error."""


class RequestThrottled(SenderError, status=403):
    """The request was denied due to request throttling."""


class InvalidAddress(SenderError, status=404):
    """The specified ID is invalid."""


# For clients: from the words of a response back to a type


def _subclasses(of: type[ApiError]) -> Iterator[type[ApiError]]:
    for error_type in of.__subclasses__():
        yield error_type
        yield from _subclasses(error_type)


_ALL: list[type[ApiError]] = [*_subclasses(ApiError), ApiError]
_BY_CODE = {error_type.code: error_type for error_type in _ALL}


def error_named(code: str, shape: str, status: int, fault: str) -> type[ApiError]:
    """The type of the error with a legacy code (`AWS.SimpleQueueService.NonExistentQueue`); one made to measure if it is none of ours.

    `fault` is `Sender` or `Receiver`; empty when the response does not say.
    """
    sender_fault = fault == "Sender" or (not fault and status < 500)
    words = {"code": code, "shape": shape, "status": status, "sender_fault": sender_fault}
    text = f"The service answered {code or 'an error'} with status {status}."
    return _BY_CODE.get(code) or type("ForeignError", (ApiError,), {"__doc__": text, **words})
