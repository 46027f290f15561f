"""AddPermission, RemovePermission and the policy that they write; tags."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Call = Callable[..., Any]

ONE, TWO = "111122223333", "668614515564"
LABEL = "crossaccountpermission"


@pytest.fixture
def policy_of(attributes_of: Call) -> Call:
    """The policy of a queue, read; None when it has none."""

    def read(url: str) -> Any:
        text = attributes_of(url, "Policy").get("Policy")
        return None if text is None else json.loads(text)

    return read


@pytest.fixture
def allow(sqs: Any) -> Call:
    """AddPermission for ReceiveMessage."""
    return lambda url, label, *accounts: sqs.add_permission(
        QueueUrl=url, Label=label, AWSAccountIds=list(accounts), Actions=["ReceiveMessage"]
    )


def statement(label: str, arn: str, principals: object, actions: object = "SQS:ReceiveMessage") -> dict[str, Any]:
    """A statement as AddPermission writes it."""
    return {"Sid": label, "Effect": "Allow", "Principal": {"AWS": principals}, "Action": actions, "Resource": arn}


def root(account: str) -> str:
    """The ARN that stands for an account."""
    return f"arn:aws:iam::{account}:root"


def test_the_life_of_permissions(sqs: Any, create: Call, arn_of: Call, policy_of: Call, allow: Call) -> None:
    """Facts 143 and 145: one account is a text and several are a list; the policy goes with its last statement."""
    url = create()
    arn = arn_of(url)
    head = {"Version": "2008-10-17", "Id": f"{arn}/SQSDefaultPolicy"}
    allow(url, LABEL, ONE, TWO)
    policy = policy_of(url)
    policy["Statement"][0]["Principal"]["AWS"].sort()
    assert policy == {**head, "Statement": [statement(LABEL, arn, [root(ONE), root(TWO)])]}
    sqs.remove_permission(QueueUrl=url, Label=LABEL)
    assert policy_of(url) is None
    allow(url, LABEL, ONE)
    allow(url, "second", TWO)
    statements = [statement(LABEL, arn, root(ONE)), statement("second", arn, root(TWO))]
    assert policy_of(url) == {**head, "Statement": statements}
    sqs.remove_permission(QueueUrl=url, Label=LABEL)
    assert policy_of(url) == {**head, "Statement": statements[1:]}
    sqs.remove_permission(QueueUrl=url, Label="second")
    assert policy_of(url) is None


def test_several_actions(sqs: Any, create: Call, arn_of: Call, policy_of: Call) -> None:
    """Fact 143: several actions are a list; * is all of them."""
    url = create()
    asked = {"QueueUrl": url, "AWSAccountIds": [ONE]}
    sqs.add_permission(**asked, Label="two", Actions=["SendMessage", "ReceiveMessage"])
    sqs.add_permission(**asked, Label="all", Actions=["*"])
    assert policy_of(url)["Statement"] == [
        statement("two", arn_of(url), root(ONE), ["SQS:SendMessage", "SQS:ReceiveMessage"]),
        statement("all", arn_of(url), root(ONE), "SQS:*"),
    ]


def test_beside_a_policy_of_ones_own(sqs: Any, create: Call, policy_of: Call, allow: Call) -> None:
    """Fact 143: statements that were set are kept."""
    own = {"Sid": "own", "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    url = create(Policy=json.dumps({"Version": "2012-10-17", "Statement": [own]}))
    allow(url, LABEL, ONE)
    assert [each["Sid"] for each in policy_of(url)["Statement"]] == ["own", LABEL]
    assert policy_of(url)["Version"] == "2012-10-17"


def test_the_same_label_again(sqs: Any, create: Call, allow: Call, refusal: Call) -> None:
    """Fact 144: labels are distinct."""
    url = create()
    allow(url, LABEL, ONE)
    asked = {"QueueUrl": url, "Label": LABEL, "AWSAccountIds": [TWO], "Actions": ["SendMessage"]}
    assert refusal(sqs.add_permission, **asked) == (
        "InvalidParameterValue",
        f"Value {LABEL} for parameter Label is invalid. Reason: Already exists.",
        400,
    )


def test_an_unknown_label(sqs: Any, create: Call, allow: Call, refusal: Call) -> None:
    """Fact 145: it cannot be removed; AWS says whether there is a policy."""
    url = create()
    for where in ("", " on existing policy"):
        assert refusal(sqs.remove_permission, QueueUrl=url, Label="none") == (
            "InvalidParameterValue",
            f"Value none for parameter Label is invalid. Reason: can't find label{where}.",
            400,
        )
        allow(url, "first", ONE)


def test_accounts_that_are_none(sqs: Any, create: Call, attributes_of: Call) -> None:
    """Fact 143: beside a good account, what is no account is passed over."""
    url = create()
    sqs.add_permission(QueueUrl=url, Label=LABEL, AWSAccountIds=["nobody", ONE], Actions=["SendMessage"])
    (statement,) = json.loads(attributes_of(url, "Policy")["Policy"])["Statement"]
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{ONE}:root"}


def test_what_cannot_be_allowed(sqs: Any, create: Call, refusal: Call) -> None:
    """Fact 146: more than seven actions, and those of the owner alone."""
    asked = {"QueueUrl": create(), "Label": LABEL, "AWSAccountIds": [ONE]}
    assert refusal(sqs.add_permission, **asked, Actions=["SendMessage"] * 8) == (
        "OverLimit",
        "8 Actions were found, maximum allowed is 7.",
        403,
    )
    assert refusal(sqs.add_permission, **{**asked, "AWSAccountIds": ["x", "1"]}, Actions=["SendMessage"]) == (
        "InvalidParameterValue",
        "Value [x, 1] for parameter PrincipalId is invalid. Reason: Unable to verify.",
        400,
    )
    missing = ("MissingParameter", "The request must contain the parameter Label.", 400)
    assert refusal(sqs.add_permission, **{**asked, "Label": ""}, Actions=["SendMessage"]) == missing
    assert refusal(sqs.add_permission, **asked, Actions=["RemovePermission"]) == (
        "InvalidParameterValue",
        "Value SQS:RemovePermission for parameter ActionName is invalid. "
        "Reason: Only the queue owner is allowed to invoke this action.",
        400,
    )


# Tags


def test_the_life_of_tags(sqs: Any, create: Call) -> None:
    """Fact 142: empty values are legal, an unknown key may be removed, and without tags there is no key."""
    url = create()
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=url)
    tags = {"tag1": "value1", "tag2": "value2", "tag3": ""}
    sqs.tag_queue(QueueUrl=url, Tags=tags)
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == tags
    sqs.untag_queue(QueueUrl=url, TagKeys=["tag1", "tag3", "unknown"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"tag2": "value2"}
    sqs.untag_queue(QueueUrl=url, TagKeys=["tag2"])
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=url)


def test_overwriting(sqs: Any, create: Call) -> None:
    """Fact 142: the same key again replaces its value; another case is another key."""
    url = create()
    sqs.tag_queue(QueueUrl=url, Tags={"tag1": "value1", "tag2": "value2"})
    sqs.tag_queue(QueueUrl=url, Tags={"tag1": "VALUE1", "Tag1": "value3"})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"tag1": "VALUE1", "tag2": "value2", "Tag1": "value3"}


def test_tags_at_creation(sqs: Any, new_name: Call) -> None:
    """Facts 30 and 142: a queue may be born with tags."""
    tags = {"tag1": "value1", "Größe": "ü"}
    url = sqs.create_queue(QueueName=new_name(), tags=tags)["QueueUrl"]
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == tags


def test_no_tags(sqs: Any, create: Call, refusal: Call) -> None:
    """Fact 142: an empty map of tags is a missing parameter."""
    refused = ("MissingParameter", "The request must contain the parameter Tags.", 400)
    assert refusal(sqs.tag_queue, QueueUrl=create(), Tags={}) == refused


@pytest.mark.parametrize("key", ["", "k" * 129])
def test_bad_tag_keys(sqs: Any, create: Call, refusal: Call, new_name: Call, key: str) -> None:
    """Facts 30 and 142: a key has 1 to 128 characters, at creation too, which then makes no queue."""
    url = create()
    refused = ("InvalidParameterValue", "Tag keys must be between 1 and 128 characters in length.", 400)
    assert refusal(sqs.tag_queue, QueueUrl=url, Tags={key: "v"}) == refused
    assert refusal(sqs.untag_queue, QueueUrl=url, TagKeys=[key]) == refused
    name = new_name()
    assert refusal(sqs.create_queue, QueueName=name, tags={key: "v"}) == refused
    too_many = {f"key-{number}": "v" for number in range(51)}
    assert refusal(sqs.create_queue, QueueName=name, tags=too_many)[:2] == (
        "InvalidParameterValue",
        f"Too many tags added for queue {name}.",
    )
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=name)


@pytest.mark.parametrize(
    ("tags", "text"),
    [
        ({"k": "v" * 257}, "Tag values must be between 0 and 256 characters in length."),
        (
            {"k": "v*"},
            "Tag values may only contain unicode letters, digits, whitespace, or one of these symbols: _ . : / = + - @",
        ),
        (
            {"k,": "v"},
            "Tag keys may only contain unicode letters, digits, whitespace, or one of these symbols: _ . : / = + - @",
        ),
        ({"aws:k": "v"}, 'Tag keys cannot start with the reserved prefix "aws:".'),
    ],
)
def test_bad_tags(sqs: Any, create: Call, refusal: Call, tags: dict[str, str], text: str) -> None:
    """Tags have letters, digits, spaces and some signs; a value has up to 256 characters, and AWS's keys are its own."""
    url = create()
    assert refusal(sqs.tag_queue, QueueUrl=url, Tags=tags) == ("InvalidParameterValue", text, 400)
    sqs.tag_queue(QueueUrl=url, Tags={"Größe 1_.:/=+-@": "v" * 256, "awk": ""})


def test_fifty_tags(sqs: Any, create: Call, refusal: Call) -> None:
    """Fact 142: a queue has up to 50 tags; a call that would make it more changes none."""
    url = create()
    fifty = {f"key-{number}": "v" for number in range(50)}
    sqs.tag_queue(QueueUrl=url, Tags=fifty)
    refused = ("InvalidParameterValue", f"Too many tags added for queue {url.rpartition('/')[2]}.", 400)
    assert refusal(sqs.tag_queue, QueueUrl=url, Tags={"key-0": "other", "more": "v"}) == refused
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == fifty
