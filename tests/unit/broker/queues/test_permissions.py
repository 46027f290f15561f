"""AddPermission and RemovePermission on the text of a policy."""

import json

import pytest

from crossdock.aws.api.sqs import AddPermission
from crossdock.aws.errors import InvalidParameterValue, MissingParameter, OverLimit, SenderError
from crossdock.broker.queues.permissions import add_permission, remove_permission

ARN = "arn:aws:sqs:us-east-1:000000000000:q"
ACCOUNT = "111122223333"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def add(
    policy: str | None = None,
    label: str = "label",
    accounts: object = (ACCOUNT,),
    actions: object = ("ReceiveMessage",),
) -> str:
    """Add a permission that is right where nothing else is said."""
    return add_permission(policy, ARN, AddPermission("url", label, list(accounts), list(actions)))  # type: ignore[call-overload]


def refusal(error: type[SenderError], **parameters: object) -> str:
    """The text with which AddPermission is refused."""
    with pytest.raises(error) as caught:
        add(**parameters)  # type: ignore[arg-type]
    return caught.value.message


def test_the_first_permission_makes_a_policy() -> None:
    """Fact 143: version 2008-10-17, an id below the queue's ARN, one statement; a single account and action are strings."""
    assert json.loads(add()) == {
        "Version": "2008-10-17",
        "Id": f"{ARN}/SQSDefaultPolicy",
        "Statement": [
            {
                "Sid": "label",
                "Effect": "Allow",
                "Principal": {"AWS": ROOT},
                "Action": "SQS:ReceiveMessage",
                "Resource": ARN,
            }
        ],
    }


def test_several_accounts_and_actions_are_lists() -> None:
    """Fact 143: several accounts are a list of root ARNs, several actions a list."""
    policy = add(accounts=[ACCOUNT, "444455556666"], actions=["SendMessage", "*"])
    statement = json.loads(policy)["Statement"][0]
    assert statement["Principal"] == {"AWS": [ROOT, "arn:aws:iam::444455556666:root"]}
    assert statement["Action"] == ["SQS:SendMessage", "SQS:*"]


def test_a_permission_joins_a_policy_that_was_set() -> None:
    """The rest of the policy stays as it was; a lone statement becomes a list."""
    policy = add('{"Version":"2012-10-17","Id":"mine","Statement":{"Sid":"a","Effect":"Deny"}}')
    document = json.loads(policy)
    assert (document["Version"], document["Id"]) == ("2012-10-17", "mine")
    assert [statement["Sid"] for statement in document["Statement"]] == ["a", "label"]


def test_a_label_is_used_once() -> None:
    """Fact 144: the same label again is InvalidParameterValue, unless all of the statement is the same."""
    text = "Value label for parameter Label is invalid. Reason: Already exists."
    assert refusal(InvalidParameterValue, policy=add(), actions=["DeleteMessage"]) == text
    assert add(add()) == add()


def test_removing_takes_the_statement_of_the_label() -> None:
    """The other statements stay in their order."""
    policy = remove_permission(add(add(add(label="a"), label="b"), label="c"), "b")
    assert [statement["Sid"] for statement in json.loads(policy or "")["Statement"]] == ["a", "c"]


def test_removing_the_last_statement_removes_the_policy() -> None:
    """Fact 145: no statement left, no policy."""
    assert remove_permission(add(), "label") is None


@pytest.mark.parametrize("policy", [None, "", add(label="other")])
def test_removing_an_unknown_label_is_refused(policy: str | None) -> None:
    """Fact 145: a label that is not there is InvalidParameterValue, also where there is no policy."""
    with pytest.raises(InvalidParameterValue) as caught:
        remove_permission(policy, "label")
    where = " on existing policy" if policy else ""
    assert caught.value.message == f"Value label for parameter Label is invalid. Reason: can't find label{where}."


def test_seven_actions_are_the_most() -> None:
    """Fact 146: eight actions are OverLimit, status 403."""
    add(actions=["SendMessage"] * 7)
    text = "8 Actions were found, maximum allowed is 7."
    assert refusal(OverLimit, actions=["SendMessage"] * 8) == text
    assert OverLimit.status == 403


def test_some_actions_are_the_owners() -> None:
    """Fact 146: actions of the owner cannot be granted."""
    assert refusal(InvalidParameterValue, actions=["RemovePermission"]) == (
        "Value SQS:RemovePermission for parameter ActionName is invalid. "
        "Reason: Only the queue owner is allowed to invoke this action."
    )


def test_other_parameters_are_checked() -> None:
    """Unknown actions, labels of other characters, accounts that are none and empty lists are refused."""
    assert "WSDL" in refusal(InvalidParameterValue, actions=["Fly"])
    refusal(InvalidParameterValue, label="a b")
    refusal(InvalidParameterValue, label="x" * 81)
    assert "PrincipalId" in refusal(InvalidParameterValue, accounts=["7"])
    assert "PrincipalId" in refusal(MissingParameter, accounts=[])
    assert refusal(MissingParameter, actions=[]) == "The request must contain the parameter Actions."


def test_a_policy_has_at_most_twenty_statements() -> None:
    """One more statement than a policy may have is OverLimit."""
    policy = None
    for number in range(20):
        policy = add(policy, label=str(number))
    refusal(OverLimit, policy=policy)
