"""AddPermission and RemovePermission: statements of a queue's policy by label.

Works on the policy's JSON text, the value of the attribute Policy. What a policy means is left to the access rules.

Source: SQS API reference, AddPermission and RemovePermission.
"""

from crossdock.aws.api.sqs import AddPermission


def add_permission(policy: str | None, queue_arn: str, command: AddPermission) -> str:
    """The policy with one more statement. Raises InvalidParameterValue, MissingParameter or OverLimit."""
    raise NotImplementedError


def remove_permission(policy: str | None, label: str) -> str | None:
    """The policy without the statement `label`; None when none is left. Raises InvalidParameterValue when there is no such label."""
    raise NotImplementedError
