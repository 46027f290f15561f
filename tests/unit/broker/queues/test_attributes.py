"""Queue attributes: creating, changing, comparing and showing them."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.aws import quotas
from crossdock.aws.errors import (
    InvalidAttributeName,
    InvalidAttributeValue,
    InvalidParameterValue,
    OverLimit,
    SenderError,
)
from crossdock.broker.queues.attributes import (
    LiveAttributes,
    RedriveAllow,
    RedrivePolicy,
    check_change,
    check_new,
    differing,
    settings_of,
    visible_attributes,
)

DLQ = "arn:aws:sqs:us-east-1:000000000000:dlq"
FIFO = {"FifoQueue": "true"}
LIVE = LiveAttributes("arn:aws:sqs:us-east-1:000000000000:q", 1_700_000_000, 1_700_000_001, 0, 0, 0)
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]}'


def redrive(**members: object) -> str:
    """A RedrivePolicy, complete unless a member is None."""
    policy = {"deadLetterTargetArn": DLQ, "maxReceiveCount": 3, **members}
    return json.dumps({name: value for name, value in policy.items() if value is not None})


def refusal(error: type[SenderError], name: str, attributes: dict[str, str]) -> str:
    """The text with which CreateQueue refuses these attributes."""
    with pytest.raises(error) as caught:
        check_new(name, attributes)
    return caught.value.message


# Names


@pytest.mark.parametrize("name", ["a", "A-b_9", "x" * 80])
def test_a_name_of_letters_digits_hyphens_and_underscores_is_accepted(name: str) -> None:
    """A standard queue's name has 1 to 80 letters, digits, hyphens and underscores."""
    assert check_new(name, None) == {}


@pytest.mark.parametrize("name", ["x" * 81, "a/b", "a b", "a.b", "ü", "a\n"])
def test_any_other_name_is_refused(name: str) -> None:
    """Fact 19: a slash, another character or a length outside 1 to 80 is InvalidParameterValue."""
    text = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
    assert refusal(InvalidParameterValue, name, {}) == text


def test_a_name_is_needed() -> None:
    """Fact 19: an empty name has a text of its own."""
    assert refusal(InvalidParameterValue, "", {}) == "Queue name cannot be empty"


def test_the_suffix_counts_within_the_length_of_a_name() -> None:
    """Fact 19: the .fifo suffix counts inside the 80 characters."""
    assert check_new("x" * 75 + ".fifo", FIFO) == FIFO
    refusal(InvalidParameterValue, "x" * 76 + ".fifo", FIFO)


def test_suffix_and_attribute_of_a_fifo_queue_go_together() -> None:
    """Fact 20: FifoQueue=true without the suffix and the suffix without FifoQueue=true are InvalidParameterValue."""
    assert "must end with .fifo suffix" in refusal(InvalidParameterValue, "q", FIFO)
    refusal(InvalidParameterValue, "q.fifo", {})
    refusal(InvalidParameterValue, "q.fifo", {"FifoQueue": "false"})


# Creating


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("FifoQueue", "Unknown Attribute FifoQueue."),
        ("ContentBasedDeduplication", "Unknown Attribute ContentBasedDeduplication."),
        ("DeduplicationScope", "You can specify the DeduplicationScope only when FifoQueue is set to true."),
        ("FifoThroughputLimit", "You can specify the FifoThroughputLimit only when FifoQueue is set to true."),
        ("QueueArn", "Unknown Attribute QueueArn."),
        ("Foobar", "Unknown Attribute Foobar."),
        ("VisibilityTimeout ", "Unknown Attribute VisibilityTimeout ."),
    ],
)
def test_a_standard_queue_refuses_attributes_it_does_not_have(name: str, text: str) -> None:
    """Facts 21, 22, 23, 38: FIFO attributes are unknown to a standard queue, even as "false"; so is what cannot be set."""
    assert refusal(InvalidAttributeName, "q", {name: "false"}) == text
    with pytest.raises(InvalidAttributeName) as caught:
        check_change(False, {}, {name: "false"})
    assert caught.value.message == text


@pytest.mark.parametrize("given", ["true", "True", "TRUE"])
def test_booleans_are_read_in_any_case_and_kept_in_lower_case(given: str) -> None:
    """Fact 24: "True" works as input; output is lower-case."""
    explicit = check_new("q.fifo", {"FifoQueue": given, "ContentBasedDeduplication": given})
    assert explicit == {"FifoQueue": "true", "ContentBasedDeduplication": "true"}


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("VisibilityTimeout", quotas.VISIBILITY_TIMEOUT),
        ("DelaySeconds", quotas.DELAY_SECONDS),
        ("ReceiveMessageWaitTimeSeconds", quotas.RECEIVE_MESSAGE_WAIT_TIME_SECONDS),
        ("MessageRetentionPeriod", quotas.MESSAGE_RETENTION_PERIOD),
        ("MaximumMessageSize", quotas.MAXIMUM_MESSAGE_SIZE),
        ("KmsDataKeyReusePeriodSeconds", quotas.KMS_DATA_KEY_REUSE_PERIOD_SECONDS),
    ],
)
def test_numbers_keep_within_their_limits(name: str, limits: tuple[int, int, int]) -> None:
    """Fact 46: both ends of the range are legal, one more or less is InvalidAttributeValue; so is what is no number."""
    lowest, highest, _ = limits
    for value in (lowest, highest):
        assert check_new("q", {name: str(value)}) == {name: str(value)}
    for wrong in (str(lowest - 1), str(highest + 1), "", "x", "1.0", " 1", "٣", "9" * 5_000):
        assert refusal(InvalidAttributeValue, "q", {name: wrong}) == f"Invalid value for the parameter {name}."


@pytest.mark.parametrize("name", ["SqsManagedSseEnabled", "DeduplicationScope", "FifoThroughputLimit"])
def test_a_value_that_is_none_of_the_choices_is_refused(name: str) -> None:
    """An attribute with a choice of values refuses another one as InvalidAttributeValue."""
    refusal(InvalidAttributeValue, "q.fifo", {**FIFO, name: "tru"})


def test_a_limit_per_group_needs_a_scope_per_group() -> None:
    """Fact 49: the scope messageGroup works with the default limit; perMessageGroupId works only with that scope."""
    group, per_group = {"DeduplicationScope": "messageGroup"}, {"FifoThroughputLimit": "perMessageGroupId"}
    assert settings_of("q.fifo", check_new("q.fifo", FIFO | group)).deduplication_scope_group
    assert check_new("q.fifo", FIFO | group | per_group) == FIFO | group | per_group
    refusal(InvalidAttributeValue, "q.fifo", FIFO | per_group)


# Changing


def test_the_type_of_a_queue_does_not_change() -> None:
    """Fact 38: on a FIFO queue FifoQueue=true changes nothing and false is refused."""
    assert check_change(True, FIFO, {"FifoQueue": "true"}) == FIFO
    with pytest.raises(InvalidAttributeValue) as caught:
        check_change(True, FIFO, {"FifoQueue": "false"})
    text = "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."
    assert caught.value.message == text


@pytest.mark.parametrize(
    ("name", "value"),
    [("RedrivePolicy", redrive()), ("Policy", POLICY), ("RedriveAllowPolicy", '{"redrivePermission":"denyAll"}')],
)
def test_an_empty_policy_removes_it(name: str, value: str) -> None:
    """Fact 39: "" removes a policy, and is fine where there never was one."""
    kept = check_change(False, {"DelaySeconds": "1"}, {name: value})
    assert name in kept
    assert check_change(False, kept, {name: ""}) == {"DelaySeconds": "1"}
    assert check_change(False, {}, {name: ""}) == {}


def test_a_change_keeps_what_it_does_not_name() -> None:
    """SetQueueAttributes leaves the other attributes as they are."""
    assert check_change(False, {"DelaySeconds": "1"}, {"VisibilityTimeout": "007"}) == {
        "DelaySeconds": "1",
        "VisibilityTimeout": "7",
    }


def test_the_key_of_kms_comes_and_goes() -> None:
    """Fact 40: a key turns SqsManagedSseEnabled off; "" and the default reuse period leave the listing; SSE stays off."""
    with_key = check_change(False, {}, {"KmsMasterKeyId": "any", "KmsDataKeyReusePeriodSeconds": "600"})
    assert with_key == {
        "KmsMasterKeyId": "any",
        "KmsDataKeyReusePeriodSeconds": "600",
        "SqsManagedSseEnabled": "false",
    }
    cleared = check_change(False, with_key, {"KmsMasterKeyId": "", "KmsDataKeyReusePeriodSeconds": "300"})
    assert cleared == {"SqsManagedSseEnabled": "false"}


def test_there_is_one_encryption_at_a_time() -> None:
    """Fact 41: a KMS key together with SqsManagedSseEnabled=true is refused; turning the latter on alone takes the key's place."""
    both = {"KmsMasterKeyId": "any", "SqsManagedSseEnabled": "true"}
    assert refusal(InvalidAttributeName, "q", both) == (
        "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."
    )
    with_key = check_change(False, {}, {"KmsMasterKeyId": "any"})
    assert check_change(False, with_key, {"SqsManagedSseEnabled": "true"}) == {"SqsManagedSseEnabled": "true"}


# Policies


@pytest.mark.parametrize("count", [3, "3"])
def test_a_redrive_policy_comes_back_compact_with_a_number(count: int | str) -> None:
    """Fact 42: maxReceiveCount is a number in the JSON that is returned, also when it was sent as a string."""
    explicit = check_new("q", {"RedrivePolicy": redrive(maxReceiveCount=count)})
    assert explicit["RedrivePolicy"] == f'{{"deadLetterTargetArn":"{DLQ}","maxReceiveCount":3}}'
    assert settings_of("q", explicit).redrive == RedrivePolicy(DLQ, 3)


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (
            redrive(deadLetterTargetArn=None),
            "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.",
        ),
        (redrive(maxReceiveCount=None), "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
        ("{}", "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
        *(
            (
                redrive(maxReceiveCount=count),
                f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive.",
            )
            for count in ("invalid", 0, 1001, 1.5, -1, "")
        ),
        (redrive(deadLetterTargetArn="dlq"), "Invalid value for deadLetterTargetArn."),
        (redrive(deadLetterTargetArn=7), "Invalid value for deadLetterTargetArn."),
        (redrive(other=1), "Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount]."),
    ],
)
def test_a_redrive_policy_that_is_none_is_refused(policy: str, reason: str) -> None:
    """Fact 43: a policy without target or count, or with a count that is no number, is InvalidParameterValue."""
    text = refusal(InvalidParameterValue, "q", {"RedrivePolicy": policy})
    assert text == f"Value {policy} for parameter RedrivePolicy is invalid. Reason: {reason}"


@pytest.mark.parametrize("policy", ["[]", "{", "[" * 100_000, " "])
def test_a_redrive_policy_is_a_json_object(policy: str) -> None:
    """Fact 43: what is no JSON object is an InvalidAttributeValue."""
    text = refusal(InvalidAttributeValue, "q", {"RedrivePolicy": policy})
    assert text == "Invalid value for the parameter RedrivePolicy. Reason: Redrive policy is not a valid JSON map."


def test_a_redrive_allow_policy_is_kept_as_given() -> None:
    """Fact 45: the policy is stored and returned as given, and means who may dead-letter here."""
    given = '{"redrivePermission": "byQueue",  "sourceQueueArns": ["a"]}'
    explicit = check_new("q", {"RedriveAllowPolicy": given})
    assert explicit == {"RedriveAllowPolicy": given}
    assert settings_of("q", explicit).redrive_allow == RedriveAllow("byQueue", ("a",))


def test_who_may_dead_letter_into_a_queue() -> None:
    """Fact 45: all, none, or the queues that are named."""
    assert RedriveAllow("allowAll").allows("a")
    assert not RedriveAllow("denyAll").allows("a")
    assert RedriveAllow("byQueue", ("a",)).allows("a")
    assert not RedriveAllow("byQueue", ("a",)).allows("b")


@pytest.mark.parametrize(
    "policy",
    [
        {"redrivePermission": "byQueue"},
        {"redrivePermission": "byQueue", "sourceQueueArns": [str(number) for number in range(11)]},
        {"redrivePermission": "allowAll", "sourceQueueArns": ["a"]},
        {"redrivePermission": "denyAll", "sourceQueueArns": ["a"]},
    ],
)
def test_a_redrive_allow_policy_of_wrong_sources_is_refused(policy: object) -> None:
    """Fact 45: sourceQueueArns are legal only with byQueue, and at most ten."""
    given = json.dumps(policy)
    assert refusal(InvalidParameterValue, "q", {"RedriveAllowPolicy": given}).startswith(
        f"Value {given} for parameter RedriveAllowPolicy is invalid. Reason: Amazon SQS can't create the redrive allow policy. "
    )


@pytest.mark.parametrize(
    "policy", [{"redrivePermission": "some"}, {"redrivePermission": "allowAll", "more": 1}, {}, [], 3]
)
def test_a_redrive_allow_policy_that_is_none_is_refused(policy: object) -> None:
    """Fact 45: an object with one of the three permissions, and nothing else that no such policy has."""
    assert refusal(InvalidAttributeValue, "q", {"RedriveAllowPolicy": json.dumps(policy)}) == (
        "Invalid value for the parameter RedriveAllowPolicy. "
        "Reason: Amazon SQS can't create the redrive allow policy, as it’s in an unsupported format."
    )


@pytest.mark.parametrize(
    "policy",
    [
        "x",
        "[]",
        "{}",
        "[" * 100_000,
        "\ud800",
        '{"Statement":[]}',
        '{"Statement":["x"]}',
        '{"Statement":3}',
        POLICY.replace("2012", "2013"),
        POLICY.replace("Allow", "allow"),
        POLICY.replace('"Action":"sqs:*",', ""),
        POLICY.replace(',"Resource":"*"', ""),
        POLICY.replace("Statement", "Statements"),
        POLICY.replace('"Effect"', '"Why":"","Effect"'),
        POLICY.replace('"Version"', f'"Id":"{"x" * 8_192}","Version"'),
    ],
)
def test_a_policy_must_have_the_form_of_one(policy: str) -> None:
    """A Policy is a JSON object of at most 8,192 bytes with a statement or more that say what is allowed or denied, and to what."""
    assert refusal(InvalidAttributeValue, "q", {"Policy": policy}) == "Invalid value for the parameter Policy."


def test_a_policy_has_at_most_twenty_statements() -> None:
    """One more is OverLimit when it is set, and InvalidParameterValue at creation."""
    statement = {"Effect": "Deny", "NotAction": ["sqs:*"], "NotResource": ["*"]}
    changes = {"Policy": json.dumps({"Statement": [statement] * 21})}
    text = "21 statements were found in the submitted policy, max allowed is 20"
    with pytest.raises(OverLimit) as caught:
        check_change(False, {}, changes)
    assert caught.value.message == text
    assert refusal(InvalidParameterValue, "q", changes) == text
    check_change(False, {}, {"Policy": json.dumps({"Statement": [statement] * 20})})


# Creating again


@pytest.mark.parametrize(
    ("current", "asked", "name"),
    [
        ({"DelaySeconds": "1"}, {}, None),
        ({"DelaySeconds": "1"}, {"DelaySeconds": "1"}, None),
        ({"DelaySeconds": "1", "VisibilityTimeout": "5"}, {"DelaySeconds": "1"}, None),
        ({}, {"VisibilityTimeout": "30"}, None),
        ({"DelaySeconds": "1"}, {"VisibilityTimeout": "30", "DelaySeconds": "2"}, "DelaySeconds"),
        ({}, {"Policy": POLICY}, "Policy"),
        ({"Policy": POLICY.replace(",", " , ")}, {"Policy": POLICY}, None),
        ({"Policy": POLICY}, {"Policy": POLICY.replace("Allow", "Deny")}, "Policy"),
        ({"KmsMasterKeyId": "a"}, {"KmsMasterKeyId": "b"}, "KmsMasterKeyId"),
    ],
)
def test_a_repeated_create_compares_what_it_asks_for(
    current: dict[str, str], asked: dict[str, str], name: str | None
) -> None:
    """Facts 25, 27, 28: what is given must equal the present value; the first that differs is named, what is not given is not compared."""
    assert differing(current, asked) == name


def test_a_repeated_create_compares_with_the_present_values() -> None:
    """Fact 26: after a change the old request differs and a new one does not."""
    changed = check_change(False, check_new("q", {"DelaySeconds": "1"}), {"DelaySeconds": "2"})
    assert differing(changed, check_new("q", {"DelaySeconds": "1"})) == "DelaySeconds"
    assert differing(changed, check_new("q", {"DelaySeconds": "2"})) is None


# Showing

DEFAULTS = {
    "QueueArn": LIVE.arn,
    "ApproximateNumberOfMessages": "0",
    "ApproximateNumberOfMessagesNotVisible": "0",
    "ApproximateNumberOfMessagesDelayed": "0",
    "CreatedTimestamp": "1700000000",
    "LastModifiedTimestamp": "1700000001",
    "VisibilityTimeout": "30",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "DelaySeconds": "0",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
}


def test_a_standard_queue_shows_these_defaults_and_nothing_else() -> None:
    """Facts 31, 33, 34, 35: All, as strings, timestamps in whole seconds."""
    assert visible_attributes("q", {}, LIVE, ["All"]) == DEFAULTS


def test_a_fifo_queue_shows_four_more() -> None:
    """Fact 32: FIFO adds FifoQueue, ContentBasedDeduplication, DeduplicationScope and FifoThroughputLimit."""
    shown = visible_attributes("q.fifo", check_new("q.fifo", FIFO), LIVE, ["All"])
    assert shown == DEFAULTS | FIFO | {
        "ContentBasedDeduplication": "false",
        "DeduplicationScope": "queue",
        "FifoThroughputLimit": "perQueue",
    }


def test_counts_are_shown_under_their_names() -> None:
    """Fact 100: visible, in flight and delayed messages have a count each."""
    live = LiveAttributes("arn", 1, 2, visible=3, not_visible=4, delayed=5)
    shown = visible_attributes("q", {}, live, ["All"]) or {}
    assert [shown[f"ApproximateNumberOfMessages{which}"] for which in ("", "NotVisible", "Delayed")] == ["3", "4", "5"]


def test_optional_attributes_are_shown_when_set() -> None:
    """Fact 33: policies and keys appear only when set."""
    given = {
        "Policy": POLICY,
        "RedrivePolicy": f'{{"deadLetterTargetArn":"{DLQ}","maxReceiveCount":3}}',
        "RedriveAllowPolicy": '{"redrivePermission":"denyAll"}',
        "KmsMasterKeyId": "alias/aws/sqs",
        "KmsDataKeyReusePeriodSeconds": "60",
    }
    shown = visible_attributes("q", check_new("q", given), LIVE, ["All"])
    assert shown == DEFAULTS | given | {"SqsManagedSseEnabled": "false"}


def test_a_key_shows_how_long_its_data_keys_are_used() -> None:
    """With a KmsMasterKeyId the period is shown even while it has its default, which without one it is not."""
    shown = visible_attributes("q", check_new("q", {"KmsMasterKeyId": "k"}), LIVE, ["All"])
    assert shown == DEFAULTS | {
        "KmsMasterKeyId": "k",
        "KmsDataKeyReusePeriodSeconds": "300",
        "SqsManagedSseEnabled": "false",
    }
    keyed = check_new("q", {"KmsMasterKeyId": "k", "KmsDataKeyReusePeriodSeconds": "60"})
    changed = check_change(False, keyed, {"SqsManagedSseEnabled": "true"})
    assert visible_attributes("q", changed, LIVE, ["All"]) == DEFAULTS


@pytest.mark.parametrize("names", [None, [], ["Policy"], ["FifoQueue"], ["RedrivePolicy", "KmsMasterKeyId"]])
def test_nothing_to_show_is_no_attributes_at_all(names: list[str] | None) -> None:
    """Fact 36: only unset attributes asked, or none: no map, not an empty one."""
    assert visible_attributes("q", {}, LIVE, names) is None


def test_an_unknown_name_is_refused() -> None:
    """Fact 37: asking for an unknown attribute is InvalidAttributeName."""
    with pytest.raises(InvalidAttributeName) as caught:
        visible_attributes("q", {}, LIVE, ["All", "Foobar"])
    assert caught.value.message == "Unknown Attribute Foobar."


def test_only_what_is_asked_for_is_shown() -> None:
    """Names select; an unset attribute among them is left out."""
    assert visible_attributes("q", {}, LIVE, ["DelaySeconds", "Policy"]) == {"DelaySeconds": "0"}


# Properties

legal = st.fixed_dictionaries(
    {},
    optional={
        "DelaySeconds": st.integers(0, 900).map(str),
        "VisibilityTimeout": st.integers(0, 43_200).map(lambda number: f"{number:06d}"),
        "SqsManagedSseEnabled": st.sampled_from(["true", "False"]),
        "KmsDataKeyReusePeriodSeconds": st.integers(60, 86_400).map(str),
        "RedrivePolicy": st.integers(1, 1_000).map(lambda count: redrive(maxReceiveCount=str(count))),
        "Policy": st.sampled_from(["", POLICY]),
    },
)


@given(legal)
def test_what_is_shown_can_be_set_again_and_changes_nothing(attributes: dict[str, str]) -> None:
    """Normalised attributes are a fixed point: checking them again, or setting them over themselves, yields the same map."""
    explicit = check_new("q", attributes)
    assert check_new("q", explicit) == explicit
    assert check_change(False, explicit, explicit) == explicit
    assert differing(explicit, check_new("q", attributes)) is None
    settings_of("q", explicit)


@given(
    st.dictionaries(st.sampled_from(["DelaySeconds", "RedrivePolicy", "RedriveAllowPolicy", "Policy", "X"]), st.text())
)
def test_any_text_is_accepted_or_refused_as_the_senders_fault(attributes: dict[str, str]) -> None:
    """No value makes the checks fail in any other way than with an error of the API."""
    with contextlib.suppress(SenderError):
        settings_of("q", check_new("q", attributes))
