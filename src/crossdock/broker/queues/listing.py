"""ListQueues and GetQueueUrl, and pages of queues.

Source: SQS API reference, ListQueues: without MaxResults a call returns up to 1,000 queues and no token.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from crossdock.aws.api.sqs import GetQueueUrl, GetQueueUrlResult, ListQueues, ListQueuesResult
from crossdock.aws.arn import QueueName
from crossdock.aws.errors import InvalidParameterValue, QueueDoesNotExist
from crossdock.aws.quotas import LIST_RESULTS_MAX
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.registry import Registry
from crossdock.broker.queues.step import Step


def list_queues(registry: Registry, command: ListQueues, step: Step) -> ListQueuesResult:
    prefix = command.queue_name_prefix or ""
    if command.next_token:
        if not command.max_results:
            raise InvalidParameterValue("MaxResults is a mandatory parameter when you provide a value for NextToken.")
        if not _name_in(command.next_token).startswith(prefix):
            raise InvalidParameterValue(
                "Invalid NextToken value. If you are passing in NextToken, you must not change the other request parameters."
            )
    queues = registry.of_account(step.caller, prefix)
    page, token = page_of(queues, command.next_token, command.max_results)
    return ListQueuesResult([registry.url_of(queue, step.caller) for queue in page] or None, token)


def get_queue_url(registry: Registry, command: GetQueueUrl, step: Step) -> GetQueueUrlResult:
    if not command.queue_name:
        raise no_queue_name()
    account = command.queue_owner_aws_account_id or step.caller.account
    queue = registry.of_name(QueueName(account, step.caller.region, command.queue_name))
    if queue is None:
        raise QueueDoesNotExist
    return GetQueueUrlResult(registry.url_of(queue, step.caller))


def no_queue_name() -> InvalidParameterValue:
    """The error for a request that names no queue."""
    return InvalidParameterValue("Value for parameter QueueName is invalid. Reason: Must specify a queue name.")


def page_of(queues: Sequence[Queue], token: str | None, limit: int | None) -> tuple[Sequence[Queue], str | None]:
    """The part of `queues` (in order of names) after the token, and the token of the next part.

    A limit of 0 is none. Raises InvalidParameterValue for another one outside 1..1000 and for a token that is none.
    """
    if not 0 <= (limit or 0) <= LIST_RESULTS_MAX:
        reason = f"MaxResults must be an integer between 1 and {LIST_RESULTS_MAX}."
        raise InvalidParameterValue(f"Value for parameter MaxResults is invalid. Reason: {reason}")
    if token:
        after = _name_in(token)
        queues = [queue for queue in queues if queue.name.name > after]
    page = queues[: limit or LIST_RESULTS_MAX]
    return page, urlsafe_b64encode(page[-1].name.name.encode()).decode() if limit and len(queues) > limit else None


def _name_in(token: str) -> str:
    try:
        return urlsafe_b64decode(token).decode()
    except ValueError:
        raise InvalidParameterValue("Invalid or expired next token.") from None
