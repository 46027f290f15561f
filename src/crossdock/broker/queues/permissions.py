"""AddPermission and RemovePermission: statements of a queue's policy, by label.

Works on the policy's JSON text, the value of the attribute Policy. What a policy means is left to the access rules.

Source: SQS API reference, AddPermission and RemovePermission.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from crossdock.aws import quotas
from crossdock.aws.api.sqs import AddPermission
from crossdock.aws.errors import InvalidParameterValue, MissingParameter, OverLimit

GRANTABLE = frozenset(
    (
        "*",
        "ChangeMessageVisibility",
        "DeleteMessage",
        "GetQueueAttributes",
        "GetQueueUrl",
        "ListDeadLetterSourceQueues",
        "PurgeQueue",
        "ReceiveMessage",
        "SendMessage",
    )
)

OWNER_ONLY = frozenset(
    (
        "AddPermission",
        "CancelMessageMoveTask",
        "CreateQueue",
        "DeleteQueue",
        "ListMessageMoveTasks",
        "ListQueueTags",
        "ListQueues",
        "RemovePermission",
        "SetQueueAttributes",
        "StartMessageMoveTask",
        "TagQueue",
        "UntagQueue",
    )
)

_LABEL = re.compile(rf"[A-Za-z0-9_-]{{1,{quotas.POLICY_LABEL_LENGTH_MAX}}}")
_ACCOUNT = re.compile(r"[0-9]{12}")

Statement = dict[str, Any]


def add_permission(policy: str | None, queue_arn: str, command: AddPermission) -> str:
    """The policy with one more statement, or as it is when it has that very one. Raises InvalidParameterValue, MissingParameter or OverLimit."""
    document = _document(policy, queue_arn)
    statements = document["Statement"]
    _check_label(command.label)
    accounts = _known_accounts(command.aws_account_ids)
    _check_actions(command.actions)
    added = _statement(queue_arn, command, accounts)
    for statement in statements:
        if statement.get("Sid") == command.label:
            if statement == added:
                return policy or ""
            raise InvalidParameterValue.because(command.label, "Label", "Already exists.")
    if len(statements) >= quotas.POLICY_STATEMENTS_MAX:
        count, allowed = len(statements) + 1, quotas.POLICY_STATEMENTS_MAX
        raise OverLimit(f"{count} Statements were found, maximum allowed is {allowed}.")
    statements.append(added)
    return msgspec.json.encode(document).decode()


def remove_permission(policy: str | None, label: str) -> str | None:
    """The policy without the statement `label`; None when none is left. Raises InvalidParameterValue when there is no such label."""
    document = _document(policy, "")
    left = [statement for statement in document["Statement"] if statement.get("Sid") != label]
    if len(left) == len(document["Statement"]):
        reason = f"can't find label{' on existing policy' if policy else ''}."
        raise InvalidParameterValue.because(label, "Label", reason)
    return msgspec.json.encode({**document, "Statement": left}).decode() if left else None


def _document(policy: str | None, queue_arn: str) -> dict[str, Any]:
    """The policy as a value, its statements always a list; a fresh one when there is none."""
    if not policy:
        return {"Version": "2008-10-17", "Id": f"{queue_arn}/SQSDefaultPolicy", "Statement": []}
    document: dict[str, Any] = msgspec.json.decode(policy)
    statements = document.get("Statement", [])
    return {**document, "Statement": statements if isinstance(statements, list) else [statements]}


def _statement(queue_arn: str, command: AddPermission, accounts: Sequence[str]) -> Statement:
    partition = queue_arn.split(":")[1]
    return {
        "Sid": command.label,
        "Effect": "Allow",
        "Principal": {"AWS": _one_or_many([f"arn:{partition}:iam::{account}:root" for account in accounts])},
        "Action": _one_or_many([f"SQS:{action}" for action in command.actions]),
        "Resource": queue_arn,
    }


def _one_or_many(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values


def _check_label(label: str) -> None:
    if not label:
        raise MissingParameter.named("Label")
    if not _LABEL.fullmatch(label):
        length = f"1 to {quotas.POLICY_LABEL_LENGTH_MAX} in length"
        reason = f"Can only include alphanumeric characters, hyphens, or underscores. {length}."
        raise InvalidParameterValue.because(label, "Label", reason)


def _known_accounts(accounts: Sequence[str]) -> list[str]:
    """Those that can be accounts. AWS passes over the others, unless there is nothing else."""
    if not accounts:
        raise MissingParameter.named("PrincipalId")
    known = [account for account in accounts if _ACCOUNT.fullmatch(account)]
    if not known:
        raise InvalidParameterValue.because(f"[{', '.join(accounts)}]", "PrincipalId", "Unable to verify.")
    return known


def _check_actions(actions: Sequence[str]) -> None:
    if not actions:
        raise MissingParameter.named("Actions")
    if len(actions) > quotas.POLICY_ACTIONS_MAX:
        raise OverLimit(f"{len(actions)} Actions were found, maximum allowed is {quotas.POLICY_ACTIONS_MAX}.")
    for action in actions:
        if action in OWNER_ONLY:
            reason = "Only the queue owner is allowed to invoke this action."
            raise InvalidParameterValue.because(f"SQS:{action}", "ActionName", reason)
        if action not in GRANTABLE:
            reason = "Please refer to the appropriate WSDL for a list of valid actions."
            raise InvalidParameterValue.because(f"SQS:{action}", "ActionName", reason)
