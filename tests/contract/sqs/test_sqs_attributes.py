"""Queue attributes: what a queue has, what may be set, what is refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from crossdock.testing import BrokerClock

Call = Callable[..., Any]

POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sqs:SendMessage", "Resource": "*"}],
    }
)

COMMON = {
    "ApproximateNumberOfMessages": "0",
    "ApproximateNumberOfMessagesNotVisible": "0",
    "ApproximateNumberOfMessagesDelayed": "0",
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
}


# Get


def test_all_of_a_standard_queue(attributes_of: Call, create: Call, clock: BrokerClock) -> None:
    """Facts 31, 33, 34 and 35: these defaults and nothing else, as strings; timestamps in whole seconds."""
    url = create()
    now = str(clock.now_ms() // 1_000)
    arn = f"arn:aws:sqs:us-east-1:000000000000:{url.rpartition('/')[2]}"
    assert attributes_of(url) == {**COMMON, "CreatedTimestamp": now, "LastModifiedTimestamp": now, "QueueArn": arn}


def test_all_of_a_fifo_queue(sqs: Any, attributes_of: Call) -> None:
    """Fact 32: a FIFO queue has four attributes more."""
    url = sqs.create_queue(QueueName="attributes-defaults.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    attributes = attributes_of(url)
    fifo = {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "false",
        "DeduplicationScope": "queue",
        "FifoThroughputLimit": "perQueue",
    }
    assert attributes.items() >= {**COMMON, **fifo}.items()
    assert attributes.keys() == {*COMMON, *fifo, "CreatedTimestamp", "LastModifiedTimestamp", "QueueArn"}


def test_some_attributes(attributes_of: Call, create: Call) -> None:
    """Exactly the attributes that are asked for come."""
    names = ("QueueArn", "CreatedTimestamp", "VisibilityTimeout")
    assert attributes_of(create(), *names).keys() == set(names)


def test_nothing_to_show(sqs: Any, create: Call) -> None:
    """Fact 36: only unset attributes, or no names at all: no Attributes key."""
    url = create()
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy", "RedrivePolicy"])
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url)


def test_unknown_names(sqs: Any, create: Call, refusal: Call) -> None:
    """Fact 37: asking for an attribute that SQS does not know is an error, also beside others."""
    refused = ("InvalidAttributeName", "Unknown Attribute Foobar.", 400)
    assert refusal(sqs.get_queue_attributes, QueueUrl=create(), AttributeNames=["All", "Foobar"]) == refused


# Set


def test_change(sqs: Any, create: Call, attributes_of: Call, clock: BrokerClock) -> None:
    """Facts 35 and 47: a change shows at once, in the attribute and in LastModifiedTimestamp."""
    url = create(MessageRetentionPeriod="604800", VisibilityTimeout="20")
    created = attributes_of(url)["CreatedTimestamp"]
    clock.advance(7)
    changes = {"MaximumMessageSize": "2048", "VisibilityTimeout": "69", "DelaySeconds": "420"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=changes)
    attributes = attributes_of(url)
    assert attributes.items() >= {**changes, "MessageRetentionPeriod": "604800", "CreatedTimestamp": created}.items()
    assert attributes["LastModifiedTimestamp"] == str(int(created) + 7)


@pytest.mark.parametrize("value", ["true", "false"])
def test_a_standard_queue_never_becomes_fifo(sqs: Any, create: Call, refusal: Call, value: str) -> None:
    """Fact 38: a standard queue does not know FifoQueue."""
    refused = ("InvalidAttributeName", "Unknown Attribute FifoQueue.", 400)
    assert refusal(sqs.set_queue_attributes, QueueUrl=create(), Attributes={"FifoQueue": value}) == refused


def test_a_fifo_queue_stays_fifo(sqs: Any, create_fifo: Call, refusal: Call) -> None:
    """Fact 38: true changes nothing, false is refused."""
    url = create_fifo()
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"FifoQueue": "true"})
    assert refusal(sqs.set_queue_attributes, QueueUrl=url, Attributes={"FifoQueue": "false"}) == (
        "InvalidAttributeValue",
        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
        400,
    )


def test_content_based_deduplication_can_be_switched(sqs: Any, create_fifo: Call, attributes_of: Call) -> None:
    """A FIFO queue's deduplication may be changed later."""
    url = create_fifo()
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"ContentBasedDeduplication": "false"})
    assert attributes_of(url)["ContentBasedDeduplication"] == "false"


def test_policies_are_removed_by_an_empty_text(sqs: Any, create: Call, attributes_of: Call, arn_of: Call) -> None:
    """Facts 33 and 39: an empty RedrivePolicy or Policy removes it, or does nothing where there is none."""
    url = create()
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": "", "Policy": ""})
    assert attributes_of(url, "RedrivePolicy", "Policy") == {}
    redrive = json.dumps({"deadLetterTargetArn": arn_of(url), "maxReceiveCount": "42"})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": redrive, "Policy": POLICY})
    attributes = attributes_of(url, "RedrivePolicy", "Policy")
    assert arn_of(url) in attributes["RedrivePolicy"]
    assert attributes["Policy"] == POLICY
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": "", "Policy": ""})
    assert attributes_of(url, "RedrivePolicy", "Policy") == {}


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [
        ("VisibilityTimeout", 0, 43_200),
        ("DelaySeconds", 0, 900),
        ("ReceiveMessageWaitTimeSeconds", 0, 20),
        ("MessageRetentionPeriod", 60, 1_209_600),
        ("MaximumMessageSize", 1_024, 1_048_576),
        ("KmsDataKeyReusePeriodSeconds", 60, 86_400),
    ],
)
def test_ranges(
    sqs: Any, create: Call, refusal: Call, attributes_of: Call, name: str, lowest: int, highest: int
) -> None:
    """Fact 46: both ends are legal, what is beyond or no number is not."""
    url = create()
    for good in (lowest, highest):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={name: str(good)})
        assert attributes_of(url, name) == {name: str(good)}
    for bad in (str(lowest - 1), str(highest + 1), "x", "1.5"):
        refused = ("InvalidAttributeValue", f"Invalid value for the parameter {name}.", 400)
        assert refusal(sqs.set_queue_attributes, QueueUrl=url, Attributes={name: bad}) == refused
    assert attributes_of(url, name) == {name: str(highest)}


def test_no_attributes_to_set(sqs: Any, create: Call, refusal: Call) -> None:
    """Fact 9: a change of nothing is a missing parameter."""
    missing = ("MissingParameter", "The request must contain the parameter Attribute.Name.", 400)
    assert refusal(sqs.set_queue_attributes, QueueUrl=create(), Attributes={}) == missing
    assert refusal(sqs.set_queue_attributes, QueueUrl=create()) == missing


def test_a_refused_change_changes_nothing(sqs: Any, create: Call, refusal: Call, attributes_of: Call) -> None:
    """One bad attribute refuses the others of its call too."""
    url = create()
    bad = {"VisibilityTimeout": "77", "DelaySeconds": "901"}
    assert refusal(sqs.set_queue_attributes, QueueUrl=url, Attributes=bad)[0] == "InvalidAttributeValue"
    assert attributes_of(url, "VisibilityTimeout") == {"VisibilityTimeout": "30"}


# Encryption


def test_kms_attributes(sqs: Any, create: Call, attributes_of: Call) -> None:
    """Facts 33, 40 and 41: any key id is taken; it turns SSE-SQS off, which clearing the key does not undo; defaults go unlisted."""
    url = create()
    names = ("KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled")
    keyed = {"KmsMasterKeyId": "testKeyId", "KmsDataKeyReusePeriodSeconds": "6000"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=keyed)
    assert attributes_of(url, *names) == {**keyed, "SqsManagedSseEnabled": "false"}
    cleared = {"KmsMasterKeyId": "", "KmsDataKeyReusePeriodSeconds": "300"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=cleared)
    assert attributes_of(url, *names) == {"SqsManagedSseEnabled": "false"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"SqsManagedSseEnabled": "true"})
    assert attributes_of(url, *names) == {"SqsManagedSseEnabled": "true"}


def test_kms_with_sse_off(sqs: Any, create: Call, attributes_of: Call) -> None:
    """Fact 40: a key with SqsManagedSseEnabled=false in one call is fine."""
    url = create()
    asked = {"KmsMasterKeyId": "k", "KmsDataKeyReusePeriodSeconds": "6000", "SqsManagedSseEnabled": "false"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=asked)
    assert attributes_of(url, *asked) == asked


def test_one_kind_of_encryption(sqs: Any, create: Call, refusal: Call) -> None:
    """Fact 41: a key and SqsManagedSseEnabled=true exclude each other."""
    both = {"KmsMasterKeyId": "testKeyId", "SqsManagedSseEnabled": "true"}
    assert refusal(sqs.set_queue_attributes, QueueUrl=create(), Attributes=both) == (
        "InvalidAttributeName",
        "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
        400,
    )


# Redrive


def test_the_redrive_policy_is_normalised(sqs: Any, create: Call, arn_of: Call, attributes_of: Call) -> None:
    """Fact 42: maxReceiveCount comes back as a number."""
    arn = arn_of(create())
    url = create(RedrivePolicy=json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "42"}))
    policy = json.loads(attributes_of(url, "RedrivePolicy")["RedrivePolicy"])
    assert policy == {"deadLetterTargetArn": arn, "maxReceiveCount": 42}


def test_a_redrive_policy_that_is_no_map(sqs: Any, create: Call, refusal: Call) -> None:
    """Fact 43: what is no JSON object is a bad attribute value."""
    for policy in ("[]", "x", "{"):
        assert refusal(sqs.set_queue_attributes, QueueUrl=create(), Attributes={"RedrivePolicy": policy}) == (
            "InvalidAttributeValue",
            "Invalid value for the parameter RedrivePolicy. Reason: Redrive policy is not a valid JSON map.",
            400,
        )


def test_a_redrive_policy_with_more(sqs: Any, create: Call, arn_of: Call, refusal: Call) -> None:
    """Fact 43: two members and no other."""
    url = create()
    policy = json.dumps({"deadLetterTargetArn": arn_of(create()), "maxReceiveCount": 5, "more": 1})
    assert refusal(sqs.set_queue_attributes, QueueUrl=url, Attributes={"RedrivePolicy": policy})[:2] == (
        "InvalidParameterValue",
        f"Value {policy} for parameter RedrivePolicy is invalid. "
        "Reason: Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount].",
    )


@pytest.mark.parametrize("policy", ["{}", '{"deadLetterTargetArn": "ARN"}', '{"maxReceiveCount": 3}'])
def test_incomplete_redrive_policies(sqs: Any, create: Call, arn_of: Call, refusal: Call, policy: str) -> None:
    """Fact 43: both members are needed."""
    url = create()
    asked = {"RedrivePolicy": policy.replace("ARN", arn_of(url))}
    assert refusal(sqs.set_queue_attributes, QueueUrl=url, Attributes=asked)[::2] == ("InvalidParameterValue", 400)


@pytest.mark.parametrize("count", ["invalid", 0, -1, 1_001, 1.5, None])
def test_receive_counts(sqs: Any, create: Call, arn_of: Call, refusal: Call, count: object) -> None:
    """Fact 43: a count that is no number from 1 to 1,000 is refused."""
    url = create()
    policy = json.dumps({"deadLetterTargetArn": arn_of(url), "maxReceiveCount": count})
    asked = {"RedrivePolicy": policy}
    code, text, _ = refusal(sqs.set_queue_attributes, QueueUrl=url, Attributes=asked)
    assert code == "InvalidParameterValue"
    assert text.startswith(
        f"Value {policy} for parameter RedrivePolicy is invalid. Reason: Invalid value for maxReceiveCount"
    )


def test_an_arn_that_is_none(sqs: Any, new_name: Call, refusal: Call) -> None:
    """Fact 44: what is no ARN is refused before any queue is looked for, and the policy is quoted as it was sent."""
    policy = json.dumps({"deadLetterTargetArn": "dummy", "maxReceiveCount": 42})
    assert refusal(sqs.create_queue, QueueName=new_name(), Attributes={"RedrivePolicy": policy}) == (
        "InvalidParameterValue",
        f"Value {policy} for parameter RedrivePolicy is invalid. Reason: Invalid value for deadLetterTargetArn.",
        400,
    )


@pytest.mark.parametrize(
    ("arn", "why"),
    [
        ("arn:aws:sqs:us-east-1:000000000000:no-such-queue", "Dead letter target does not exist."),
        (
            "arn:aws:sqs:eu-west-1:000000000000:elsewhere",
            "Dead-letter target must be in same region as the source.",
        ),
        (
            "arn:aws:sqs:us-east-1:999999999999:somebody-elses",
            "Dead-letter target owner should be same as the source.",
        ),
    ],
)
def test_the_dead_letter_queue_must_be_there(sqs: Any, new_name: Call, refusal: Call, arn: str, why: str) -> None:
    """Fact 44: a queue of the same account and region that exists."""
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    code, text, _ = refusal(sqs.create_queue, QueueName=new_name(), Attributes={"RedrivePolicy": policy})
    assert code == "InvalidParameterValue"
    assert text.endswith(f" for parameter RedrivePolicy is invalid. Reason: {why}")


def test_dead_letters_go_to_their_own_kind(
    sqs: Any, create: Call, create_fifo: Call, arn_of: Call, refusal: Call
) -> None:
    """Fact 44: a FIFO queue's dead-letter queue is FIFO, a standard queue's is not."""
    plain, fifo = create(), create_fifo()
    for url, target in ((plain, fifo), (fifo, plain)):
        policy = json.dumps({"deadLetterTargetArn": arn_of(target), "maxReceiveCount": 1})
        code, text, _ = refusal(sqs.set_queue_attributes, QueueUrl=url, Attributes={"RedrivePolicy": policy})
        assert code == "InvalidParameterValue"
        assert text.endswith("Reason: Dead-letter queue must be same type of queue as the source..")


def test_who_may_name_a_dead_letter_queue(
    sqs: Any, create: Call, arn_of: Call, attributes_of: Call, refusal: Call
) -> None:
    """Fact 45: RedriveAllowPolicy comes back as it was given, and is enforced."""
    dead, friend, stranger = create(), create(), create()
    policy = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn_of(dead), "maxReceiveCount": 3})}
    allow = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [arn_of(friend)]})
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": allow})
    assert attributes_of(dead, "RedriveAllowPolicy") == {"RedriveAllowPolicy": allow}
    sqs.set_queue_attributes(QueueUrl=friend, Attributes=policy)
    assert refusal(sqs.set_queue_attributes, QueueUrl=stranger, Attributes=policy)[0] == "InvalidParameterValue"
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": '{"redrivePermission": "denyAll"}'})
    assert refusal(sqs.set_queue_attributes, QueueUrl=stranger, Attributes=policy)[0] == "InvalidParameterValue"
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": '{"redrivePermission": "allowAll"}'})
    sqs.set_queue_attributes(QueueUrl=stranger, Attributes=policy)


NEEDS_SOURCES = (
    "When you specify the byQueue permission type, you must also specify one or more sourceQueueArns values."
)
NEEDS_BY_QUEUE = "To specify one or more source queue ARNs, you must set redrivePermission to byQueue."
SOURCES = [f"arn:aws:sqs:us-east-1:000000000000:q{number}" for number in range(11)]


@pytest.mark.parametrize(
    ("permission", "sources", "reason"),
    [
        ("allowAll", {"sourceQueueArns": SOURCES[:1]}, NEEDS_BY_QUEUE),
        ("denyAll", {"sourceQueueArns": SOURCES[:1]}, NEEDS_BY_QUEUE),
        ("byQueue", {"sourceQueueArns": SOURCES}, "The maximum number of source queue ARNs you can specify is 10."),
        ("byQueue", {"sourceQueueArns": []}, NEEDS_SOURCES),
        ("byQueue", {}, NEEDS_SOURCES),
    ],
)
def test_bad_allow_policies(
    sqs: Any, create: Call, refusal: Call, permission: str, sources: dict[str, list[str]], reason: str
) -> None:
    """Fact 45: sources, ten at most, go with byQueue and with nothing else."""
    policy = json.dumps({"redrivePermission": permission, **sources})
    assert refusal(sqs.set_queue_attributes, QueueUrl=create(), Attributes={"RedriveAllowPolicy": policy}) == (
        "InvalidParameterValue",
        f"Value {policy} for parameter RedriveAllowPolicy is invalid. "
        f"Reason: Amazon SQS can't create the redrive allow policy. {reason}",
        400,
    )


@pytest.mark.parametrize(
    ("arn", "count", "reason"),
    [
        ("dummy", 0, "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive."),
        (
            "arn:aws:sns:us-east-1:000000000000:topic",
            1,
            "Only SQS queues are valid resources for deadLetterTargetArn.",
        ),
        (
            "arn:aws:sqs:us-east-1:000000000000:nowhere.fifo",
            1,
            "Dead-letter queue must be same type of queue as the source..",
        ),
    ],
)
def test_what_is_wrong_with_a_redrive_policy_first(
    sqs: Any, create: Call, refusal: Call, arn: str, count: int, reason: str
) -> None:
    """The count comes before the ARN, the kind of the dead-letter queue before whether it exists."""
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": count})
    assert refusal(sqs.set_queue_attributes, QueueUrl=create(), Attributes={"RedrivePolicy": policy}) == (
        "InvalidParameterValue",
        f"Value {policy} for parameter RedrivePolicy is invalid. Reason: {reason}",
        400,
    )


def test_a_queue_may_be_its_own_dead_letter_queue(sqs: Any, create: Call, arn_of: Call) -> None:
    """AWS was recorded to accept it."""
    url = create()
    policy = json.dumps({"deadLetterTargetArn": arn_of(url), "maxReceiveCount": 1})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy})


# FIFO


def test_throughput_per_group_needs_the_scope(sqs: Any, create_fifo: Call, refusal: Call, attributes_of: Call) -> None:
    """Fact 49: the scope may be set alone, the throughput limit only with it."""
    url = create_fifo(DeduplicationScope="messageGroup")
    assert attributes_of(url, "FifoThroughputLimit") == {"FifoThroughputLimit": "perQueue"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"FifoThroughputLimit": "perMessageGroupId"})
    plain = create_fifo()
    limit = {"FifoThroughputLimit": "perMessageGroupId"}
    assert refusal(sqs.set_queue_attributes, QueueUrl=plain, Attributes=limit)[:2] == (
        "InvalidAttributeValue",
        "Invalid value for the parameter FifoThroughputLimit. "
        "Reason: To set FifoThroughputLimit to perMessageGroupId, the DeduplicationScope must be messageGroup.",
    )


@pytest.mark.parametrize(("before", "after"), [("queue", "messageGroup"), ("messageGroup", "queue")])
def test_a_change_of_scope_is_slow(
    sqs: Any, create_fifo: Call, attributes_of: Call, bodies: Call, before: str, after: str
) -> None:
    """Fact 48: the new scope shows at once, while duplicates are still told by the old one."""
    url = create_fifo(DeduplicationScope=before)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DeduplicationScope": after})
    assert attributes_of(url, "DeduplicationScope") == {"DeduplicationScope": after}
    for group in ("1", "2"):
        sqs.send_message(QueueUrl=url, MessageBody=group, MessageGroupId=group, MessageDeduplicationId="same")
    assert bodies(url) == (["1"] if before == "queue" else ["1", "2"])
