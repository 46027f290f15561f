"""What a message contains: accepted or refused on its way in, selected on its way out."""

import hashlib
import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.aws.api.sqs import MessageAttributeValue, SendMessage, SendMessageBatchRequestEntry
from crossdock.aws.errors import (
    InvalidMessageContents,
    InvalidParameterValue,
    MissingParameter,
    SenderError,
    UnsupportedOperation,
)
from crossdock.broker.queues.attributes import check_new, settings_of
from crossdock.broker.queues.contents import (
    Content,
    attribute_filter,
    check_message,
    md5_of_attributes,
    message_size,
    sequence_number,
    shown_attributes,
    shown_system_attributes,
    system_attribute_filter,
)
from crossdock.broker.queues.facts import AttributeValue, Sent, first_sequence

STANDARD = settings_of("q", {})
FIFO = settings_of("q.fifo", check_new("q.fifo", {"FifoQueue": "true", "DelaySeconds": "2"}))
BY_CONTENT = settings_of("q.fifo", check_new("q.fifo", {"FifoQueue": "true", "ContentBasedDeduplication": "true"}))
SMALL = settings_of("q", {"MaximumMessageSize": "1024"})

Values = dict[str, MessageAttributeValue]


def text(value: str | None, data_type: str = "String") -> MessageAttributeValue:
    """An attribute that holds text."""
    return MessageAttributeValue(data_type, string_value=value)


def send(body: str = "body", settings: object = STANDARD, **members: object) -> Content:
    """Check a message that is sent alone."""
    return check_message(SendMessage("url", body, **members), settings)  # type: ignore[arg-type]


def refusal(error: type[SenderError], body: str = "body", settings: object = STANDARD, **members: object) -> str:
    """The text with which SendMessage refuses it."""
    with pytest.raises(error) as caught:
        send(body, settings, **members)
    return caught.value.message


# Bodies


def test_an_empty_body_is_a_missing_one() -> None:
    """Fact 50: an empty body is MissingParameter, not an error of length."""
    assert refusal(MissingParameter, "") == "The request must contain the parameter MessageBody."


@pytest.mark.parametrize(
    "body", ["\t\n\r ", "\x7f", "\x80\x9f", "\ud7ff", "\ue000", "\ufffd", "\U00010000", "\U0010ffff", "\U0001fffe"]
)
def test_legal_characters_pass(body: str) -> None:
    """Fact 51: tab, line ends, #x20 to #xD7FF, #xE000 to #xFFFD, #x10000 to #x10FFFF."""
    assert send(body).md5_of_body == hashlib.md5(body.encode()).hexdigest()


@pytest.mark.parametrize(
    "wrong", ["\x00", "\x08", "\x0b", "\x0c", "\x0e", "\x1f", "\ufffe", "\uffff", "\ud800", "\udfff"]
)
@pytest.mark.parametrize("rest", ["", "ascii", "Ünicode 😀"])
def test_other_characters_are_refused(wrong: str, rest: str) -> None:
    """Fact 51: any other character is InvalidMessageContents and named, in ASCII texts and in others."""
    assert refusal(InvalidMessageContents, rest + wrong + rest) == (
        f"Invalid binary character '#x{ord(wrong):X}' was found in the message body, the set of allowed characters is "
        "#x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]."
    )


@pytest.mark.parametrize("body", ["a\rb\r\nc", '"quoted"', "&quot;", "<&>"])
def test_a_body_is_taken_as_it_is(body: str) -> None:
    """Fact 52: line ends, quotes and entities count and digest as they were sent."""
    content = send(body)
    assert (content.size, content.md5_of_body) == (len(body), hashlib.md5(body.encode()).hexdigest())


@given(st.text(min_size=1))
def test_a_body_passes_exactly_when_every_character_is_legal(body: str) -> None:
    """Fact 51: the fast check agrees with the rule, character by character."""
    legal = all(
        character in "\t\n\r"
        or 0x20 <= (code := ord(character)) <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or code >= 0x10000
        for character in body
    )
    if legal:
        assert send(body).size == len(body.encode())
    else:
        refusal(InvalidMessageContents, body)


# Sizes


def test_a_size_counts_bytes_of_body_and_attributes() -> None:
    """Fact 53: UTF-8 bytes of the body, and name, type and value of each attribute; system attributes do not count."""
    values: Values = {"naïve": text("é"), "b": MessageAttributeValue("Binary.x", binary_value=b"123")}
    trace: Values = {"AWSTraceHeader": text("Root=1")}
    expected = len("€".encode()) + len("naïve".encode()) + 6 + len("é".encode()) + 1 + 8 + 3
    content = send("€", message_attributes=values, message_system_attributes=trace)
    assert content.size == expected == message_size(SendMessage("url", "€", message_attributes=values))


def test_a_message_of_exactly_the_limit_passes() -> None:
    """Fact 54: in spite of "shorter" the limit itself is accepted, with attributes counted."""
    values = {"k": text("x")}
    assert send("x" * 1_024, SMALL).size == 1_024
    assert send("x" * (1_024 - 8), SMALL, message_attributes=values).size == 1_024
    assert send("x" * 1_048_576).size == 1_048_576
    refusal(InvalidParameterValue, "x" * (1_024 - 7), SMALL, message_attributes=values)


def test_a_longer_message_is_refused_with_the_queues_own_limit() -> None:
    """Fact 54: the text names the limit of the queue."""
    assert refusal(InvalidParameterValue, "x" * 1_025, SMALL) == (
        "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."
    )


def test_a_longer_entry_of_a_batch_cannot_be_validated() -> None:
    """Fact 119: the same in a batch has another text."""
    with pytest.raises(InvalidParameterValue) as caught:
        check_message(SendMessageBatchRequestEntry("1", "x" * 1_025), SMALL)
    assert caught.value.message == (
        "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes."
    )


# Answers


def test_digests_are_there_when_their_attributes_were_sent() -> None:
    """Facts 55, 56: no attributes, no digest; system attributes have one of their own and leave the other alone."""
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    plain = send(message_attributes={}, message_system_attributes={})
    assert (plain.md5_of_attributes, plain.md5_of_system_attributes, plain.trace_header) == (None, None, None)
    traced = send(message_attributes={"k": text("x")}, message_system_attributes={"AWSTraceHeader": text(header)})
    assert traced.md5_of_attributes == "a45daa70926828a2f0a1db3418e6feb4"
    assert traced.md5_of_system_attributes == "5ae4d5d7636402d80f4eb6d213245a88"
    assert traced.trace_header == header


@pytest.mark.parametrize(
    "values", [{"Other": text("x")}, {"AWSTraceHeader": text("x", "Number")}, {"AWSTraceHeader": text("")}]
)
def test_only_the_trace_header_is_a_system_attribute(values: Values) -> None:
    """AWSTraceHeader of type String is the one system attribute that can be sent."""
    refusal(InvalidParameterValue, message_system_attributes=values)


# Delays


def test_the_delay_of_a_message_overrides_the_queues() -> None:
    """Fact 58: none means the queue's own, 0 means none."""
    delayed = settings_of("q", {"DelaySeconds": "5"})
    assert [send(settings=delayed, delay_seconds=delay).delay_ms for delay in (None, 0, 900)] == [5_000, 0, 900_000]


@pytest.mark.parametrize("delay", [-1, 901, 1_800])
def test_a_delay_keeps_within_its_limits(delay: int) -> None:
    """Fact 58: more than 900 seconds, or less than none, are refused."""
    assert refusal(InvalidParameterValue, delay_seconds=delay) == (
        f"Value {delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
    )


def test_a_fifo_message_has_no_delay_of_its_own() -> None:
    """Fact 71: any positive delay is refused on a FIFO queue, also where the queue has a delay."""
    assert refusal(InvalidParameterValue, settings=FIFO, delay_seconds=2, message_group_id="g") == (
        "Value 2 for parameter DelaySeconds is invalid. "
        "Reason: The request include parameter that is not valid for this queue type."
    )


def test_a_fifo_delay_of_zero_is_the_queues() -> None:
    """Facts 72, 73: DelaySeconds=0 is accepted and means the queue's delay."""
    members = {"message_group_id": "g", "message_deduplication_id": "d"}
    assert [send(settings=FIFO, delay_seconds=delay, **members).delay_ms for delay in (None, 0)] == [2_000, 2_000]


# Ids


def test_a_fifo_message_needs_a_group() -> None:
    """Facts 67, 69: without MessageGroupId it is MissingParameter, whether or not there is a deduplication id."""
    for members in ({}, {"message_deduplication_id": "d"}):
        assert refusal(MissingParameter, settings=FIFO, **members) == (
            "The request must contain the parameter MessageGroupId."
        )


def test_a_fifo_message_needs_something_to_be_recognised_by() -> None:
    """Facts 68, 69: with a group alone the error is about the deduplication id."""
    assert refusal(InvalidParameterValue, settings=FIFO, message_group_id="g") == (
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
    )


def test_content_is_recognised_by_its_body_alone() -> None:
    """Fact 75: the id is the SHA-256 of the body, attributes do not matter, and an explicit id wins."""
    digest = hashlib.sha256(b"body").hexdigest()
    for members in ({}, {"message_attributes": {"k": text("x")}}):
        assert send(settings=BY_CONTENT, message_group_id="g", **members).deduplication_id == digest
    explicit = send(settings=BY_CONTENT, message_group_id="g", message_deduplication_id="d")
    assert explicit.deduplication_id == "d"


@pytest.mark.parametrize("settings", [STANDARD, FIFO])
@pytest.mark.parametrize("wrong", ["", "a b", "x" * 129, "ü", "a\n", "\x7f"])
def test_an_ill_formed_group_is_refused(settings: object, wrong: str) -> None:
    """Fact 70: 1 to 128 letters, digits and ASCII punctuation, on standard queues too."""
    assert refusal(InvalidParameterValue, settings=settings, message_group_id=wrong) == (
        f"Value {wrong} for parameter MessageGroupId is invalid. "
        "Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length."
    )


def test_an_ill_formed_deduplication_id_is_refused() -> None:
    """Fact 70: the same holds for MessageDeduplicationId; an empty one leaves two spaces in the text."""
    text = refusal(InvalidParameterValue, settings=FIFO, message_group_id="g", message_deduplication_id="")
    assert text.startswith("Value  for parameter MessageDeduplicationId is invalid.")


def test_ids_may_have_128_characters_and_any_punctuation() -> None:
    """Fact 70: 128 exactly is fine."""
    every = "".join(map(chr, range(0x21, 0x7F)))
    for wellformed in ("x" * 128, every):
        send(settings=FIFO, message_group_id=wellformed, message_deduplication_id=wellformed)


def test_a_standard_message_may_have_a_group_but_no_deduplication_id() -> None:
    """Fact 59: a group is legal on a standard queue and makes no deduplication id; an id is refused."""
    assert send(message_group_id="tenant").deduplication_id is None
    assert "MessageDeduplicationId" in refusal(InvalidParameterValue, message_deduplication_id="d")


# Message attributes


@pytest.mark.parametrize("name", ["a", "A_b-c.9", "x" * 256, "Größe", "a..b", "AWS", "AWSx.y", "amazonia.b"])
def test_legal_names_pass(name: str) -> None:
    """Fact 60: letters, also accented Latin ones, digits, _ - . ; two dots in a row are tolerated."""
    assert list(send(message_attributes={name: text("x")}).attributes or {}) == [name]


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ([""], "The request must contain non-empty message (user) attribute names."),
        (["x" * 257], "Message (user) attribute name must be shorter than 256 bytes."),
        ([".a", "."], "Message (user) attribute name must not begin with character '.'."),
        (["a."], "Message (user) attribute name must not end with character '.'."),
        (
            ["AWS.x", "aws.x", "Amazon.x", "AMAZON.x"],
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. "
            "These strings are reserved for internal use.",
        ),
    ],
)
def test_other_names_are_refused(names: list[str], why: str) -> None:
    """Fact 60: nothing, too much, dots at the ends and reserved prefixes in any case are InvalidParameterValue."""
    for name in names:
        assert refusal(InvalidParameterValue, message_attributes={name: text("x")}) == why


@pytest.mark.parametrize(("name", "code"), [("a b", "20"), ("a/b", "2F"), ("a\n", "A"), ("日本", "65E5")])
def test_other_characters_in_names_are_refused(name: str, code: str) -> None:
    """Fact 60: the first character that no name may have is named."""
    assert refusal(InvalidParameterValue, message_attributes={name: text("x")}) == (
        f"Invalid non-alphanumeric character '#x{code}' was found in the message attribute name. "
        "Can only include alphanumeric characters, hyphens, underscores, or dots."
    )


@pytest.mark.parametrize(
    "data_type", ["String", "String.", "String.label", "Number.int", "Number.a b", "String." + "x" * 249]
)
def test_a_type_may_have_a_label(data_type: str) -> None:
    """Fact 61: the label is kept as sent."""
    content = send(message_attributes={"a": text("1", data_type)})
    assert content.attributes == {"a": AttributeValue(data_type, "1")}


@pytest.mark.parametrize("data_type", ["string", "Text", " String", "Stringy", "String." + "x" * 250, "String.\x00"])
def test_other_types_are_refused(data_type: str) -> None:
    """Fact 61: a type begins with String, Number or Binary and has at most 256 characters."""
    assert refusal(InvalidParameterValue, message_attributes={"a": text("1", data_type)}) == (
        "The type of message (user) attribute 'a' is invalid. "
        "You must use only the following supported type prefixes: Binary, Number, String."
    )


@pytest.mark.parametrize("data_type", ["", None])
def test_a_type_is_needed(data_type: str | None) -> None:
    """Fact 61: an attribute without a type is refused by name."""
    attributes = {"a": MessageAttributeValue(data_type, "1")}
    assert refusal(InvalidParameterValue, message_attributes=attributes) == (
        "The message (user) attribute 'a' must contain a non-empty message attribute type."
    )


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (MessageAttributeValue("Binary", "x"), "with type 'Binary' must use field 'Binary'."),
        (MessageAttributeValue("String", None, b"x"), "with type 'String' must use field 'String'."),
        (MessageAttributeValue("Number.a", None, b"1"), "with type 'Number' must use field 'String'."),
        (MessageAttributeValue("String", "x", b"x"), "must have a single value."),
        (MessageAttributeValue("Binary", "x", b"x"), "must have a single value."),
    ],
)
def test_a_value_stands_where_its_type_says(value: MessageAttributeValue, why: str) -> None:
    """Fact 61: a String or Number is a text, a Binary is bytes, and nothing is both."""
    assert refusal(InvalidParameterValue, message_attributes={"a": value}) == f"Message (user) attribute 'a' {why}"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (text(""), "String"),
        (text(None), "String"),
        (text("", "Number.int"), "Number"),
        (MessageAttributeValue("Binary", binary_value=b""), "Binary"),
    ],
)
def test_an_empty_value_is_refused(value: MessageAttributeValue, kind: str) -> None:
    """Fact 62: a value must be there, and not empty."""
    assert refusal(InvalidParameterValue, message_attributes={"ErrorDetails": value}) == (
        f"Message (user) attribute 'ErrorDetails' must contain a non-empty value of type '{kind}'."
    )


@pytest.mark.parametrize("value", ["a\x00b", "\x1f", "\uffff", "\ud800"])
def test_a_control_character_in_a_value_is_an_invalid_parameter(value: str) -> None:
    """Fact 63: in an attribute it is InvalidParameterValue, not InvalidMessageContents."""
    assert "was found in the message (user) attribute 'a' value, the set of allowed characters is" in refusal(
        InvalidParameterValue, message_attributes={"a": text(value)}
    )


def test_ten_attributes_are_the_most() -> None:
    """Fact 66: at most ten on a message."""
    values = {str(number): text("x") for number in range(11)}
    assert refusal(InvalidParameterValue, message_attributes=values) == (
        "Number of message attributes [11] exceeds the allowed maximum [10]."
    )
    values.popitem()
    assert len(send(message_attributes=values).attributes or {}) == 10


@pytest.mark.parametrize(
    "value",
    [
        "0",
        "-1",
        "+1.5",
        "1.",
        ".5",
        "1e126",
        "-1E-128",
        "0001",
        "9" * 38,
        "9" * 38 + "0" * 10,
        "0." + "1" * 38,
        "0e999",
    ],
)
def test_numbers_pass(value: str) -> None:
    """A Number has up to 38 digits and a magnitude of 1e-128 to 1e126; it is kept as sent."""
    assert (send(message_attributes={"a": text(value, "Number")}).attributes or {})["a"].value == value


@pytest.mark.parametrize(
    "value", ["x", "1x", "", ".", "1e", "NaN", "Infinity", "1_000", "1 ", "٣", "9" * 39, "1.1e126", "9e-129", "1e99999"]
)
def test_what_is_no_number_is_refused(value: str) -> None:
    """The value of a Number must be one, within its precision and range."""
    refusal(InvalidParameterValue, message_attributes={"a": text(value, "Number")})


def test_lists_are_not_supported() -> None:
    """The list values of the shape are reserved: sending one is UnsupportedOperation."""
    value = MessageAttributeValue("String", string_list_values=["x"])
    refusal(UnsupportedOperation, message_attributes={"a": value})


def test_the_digest_of_attributes_has_a_known_value() -> None:
    """Fact 64: lengths, names in order, types and values; String and Number are 1, Binary is 2."""
    assert md5_of_attributes({"k": AttributeValue("String", "x")}) == "a45daa70926828a2f0a1db3418e6feb4"
    part = b"\0\0\0\x01a\0\0\0\x06Binary\x02\0\0\0\x01x" + b"\0\0\0\x01b\0\0\0\x06Number\x01\0\0\0\x011"
    values = {"b": AttributeValue("Number", "1"), "a": AttributeValue("Binary", b"x")}
    assert md5_of_attributes(values) == hashlib.md5(part).hexdigest()


# Receiving: message attributes

KEPT = {
    "Hello": AttributeValue("String", "1"),
    "Help": AttributeValue("Number.int", "2"),
    "Other": AttributeValue("Binary", b"3"),
}


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["All"], ["Hello", "Help", "Other"]),
        (["*"], ["Hello", "Help", "Other"]),
        ([".*"], ["Hello", "Help", "Other"]),
        (["Hel.*"], ["Hello", "Help"]),
        (["Help.*", "Other"], ["Help", "Other"]),
        (["Help"], ["Help"]),
        (["help"], []),
        (["Hel"], []),
        (["AWS.", "..foo", "unknown", ""], []),
        ([], []),
        (None, []),
    ],
)
def test_names_select_message_attributes(names: list[str] | None, shown: list[str]) -> None:
    """Facts 65, 84, 88: all, by prefix, or exactly; other names match nothing; the digest covers what is shown."""
    values, digest = shown_attributes(KEPT, attribute_filter(names))
    assert list(values or {}) == shown
    assert digest == (md5_of_attributes({name: KEPT[name] for name in shown}) if shown else None)
    assert (values is None) == (not shown)


def test_shown_attributes_are_those_that_were_sent() -> None:
    """Fact 61: type with label and value come back as sent, text and bytes each in its member."""
    sent = {"a": text("1", "Number.int"), "b": MessageAttributeValue("Binary", binary_value=b"3")}
    assert shown_attributes(send(message_attributes=sent).attributes, attribute_filter(["All"]))[0] == sent
    assert shown_attributes(None, attribute_filter(["All"])) == (None, None)


# Receiving: system attributes

SENT = Sent(first_sequence(3) + 7, "id", "body", "md5", 1_000, "AIDA")
ORDERED = Sent(
    first_sequence(3) + 7,
    "id",
    "body",
    "md5",
    1_000,
    "AIDA",
    trace_header="Root=1",
    group_id="g",
    deduplication_id="d",
    dead_letter_source="arn",
)
PLAIN = {
    "SenderId": "AIDA",
    "SentTimestamp": "1000",
    "ApproximateReceiveCount": "2",
    "ApproximateFirstReceiveTimestamp": "1500",
}


def shown(message: Sent, names: list[str] | None, old: list[str] | None = None, fifo: bool = False) -> object:
    """What the second receive shows of a message."""
    return shown_system_attributes(message, system_attribute_filter(names, old), 2, 1_500, fifo)


def test_all_system_attributes_of_a_standard_message() -> None:
    """Facts 59, 85, 89: four always, the others where they exist, as text; no SequenceNumber."""
    assert shown(SENT, ["All"]) == PLAIN
    assert shown(ORDERED, ["All"]) == PLAIN | {
        "MessageGroupId": "g",
        "MessageDeduplicationId": "d",
        "AWSTraceHeader": "Root=1",
        "DeadLetterQueueSourceArn": "arn",
    }


def test_all_system_attributes_of_a_fifo_message() -> None:
    """Fact 79: FIFO adds group, deduplication id and sequence number."""
    attributes = shown(ORDERED, ["All"], fifo=True)
    assert isinstance(attributes, dict)
    assert {"MessageGroupId", "MessageDeduplicationId", "SequenceNumber"} <= attributes.keys()


@pytest.mark.parametrize(
    ("names", "old", "expected"),
    [
        (None, None, None),
        ([], [], None),
        (["SenderId"], None, ["SenderId"]),
        (None, ["SenderId"], ["SenderId"]),
        (["All"], ["SenderId"], list(PLAIN)),
        (["SenderId"], ["All"], ["SenderId"]),
        (["SequenceNumber"], None, None),
        (["SequenceNumber", "SentTimestamp"], None, ["SentTimestamp"]),
    ],
)
def test_names_select_system_attributes(
    names: list[str] | None, old: list[str] | None, expected: list[str] | None
) -> None:
    """Facts 84, 86, 87: nothing asked, nothing shown; what a message lacks is ignored; the new names win over the old ones."""
    attributes = shown(SENT, names, old)
    assert (list(attributes) if isinstance(attributes, dict) else attributes) == expected


def test_sequence_numbers_have_20_digits_and_grow() -> None:
    """Fact 78: 20 digits, strictly increasing within a queue."""
    numbers = [sequence_number(first_sequence(9) + position) for position in (0, 1, 2, 10, 10**9, 2**40 - 1)]
    assert numbers == sorted(set(numbers))
    assert {len(number) for number in numbers} == {20}


# Speed


def test_a_plain_message_is_checked_in_microseconds() -> None:
    """A body of 512 bytes costs a small part of a request; the bound leaves room for a slow and busy machine."""
    message = SendMessage("url", "x" * 512)
    best = min(timeit.repeat(lambda: check_message(message, STANDARD), number=1_000, repeat=5)) / 1_000
    assert best < 25e-6
