"""Amazon SQS, API version 2012-11-05: its 23 actions as declarations.

Source: the service models inside botocore (1.43 for the JSON protocol, 1.31.80 for the Query names); a test holds this file
against both. A member is described where it first appears and where it means something else; capitals name limits of `aws.quotas`.
"""

from typing import Annotated

from msgspec import field

from crossdock.aws.shapes import Operation, QueryList, QueryMap, Service, Shape

Attributes = Annotated[dict[str, str], QueryMap("Attribute", "Name", "Value")]
Tags = Annotated[dict[str, str], QueryMap("Tag", "Key", "Value")]
AttributeNames = Annotated[list[str], QueryList("AttributeName")]


# Messages


class MessageAttributeValue(Shape):
    """The value of a message attribute; which member holds it follows from `data_type` (String, Number or Binary, each may have a `.label`)."""

    data_type: str | None = None
    """Needed: `String`, `Number` or `Binary`, at most MESSAGE_ATTRIBUTE_TYPE_LENGTH_MAX characters with its label."""
    string_value: str | None = None
    """The value of a String; of a Number, with up to NUMBER_DIGITS_MAX significant digits."""
    binary_value: bytes | None = None
    """The value of a Binary, base64 on the wire."""
    string_list_values: Annotated[list[str] | None, QueryList("StringListValue")] = None
    """Refused by SQS."""
    binary_list_values: Annotated[list[bytes] | None, QueryList("BinaryListValue")] = None
    """Refused by SQS."""


MessageAttributes = Annotated[dict[str, MessageAttributeValue], QueryMap("MessageAttribute", "Name", "Value")]
MessageSystemAttributes = Annotated[
    dict[str, MessageAttributeValue], QueryMap("MessageSystemAttribute", "Name", "Value")
]


class BatchResultErrorEntry(Shape):
    """Why one entry of a batch failed."""

    id: str
    """Names the entry in the answer: 1 to BATCH_ENTRY_ID_LENGTH_MAX letters, digits, hyphens and underscores, distinct within the batch."""
    sender_fault: bool
    """Whether the entry is wrong, rather than the service unable."""
    code: str
    """The code of the error."""
    message: str | None = None
    """The text of the error."""


Failed = Annotated[list[BatchResultErrorEntry], QueryList("BatchResultErrorEntry")]


class SendMessage(Shape):
    """Put one message into a queue."""

    queue_url: str
    """The queue: its URL under any host, or its bare name."""
    message_body: str
    """At least 1 character of those that XML 1.0 allows; with the attributes at most the queue's MaximumMessageSize."""
    delay_seconds: int | None = None
    """Seconds before it becomes visible, DELAY_SECONDS; the queue's DelaySeconds if absent. On a FIFO queue only 0, which means the queue's."""
    message_attributes: MessageAttributes | None = None
    """By name, at most MESSAGE_ATTRIBUTES_MAX. A name has up to MESSAGE_ATTRIBUTE_NAME_LENGTH_MAX letters, digits, `_`, `-` and `.`."""
    message_system_attributes: MessageSystemAttributes | None = None
    """Only `AWSTraceHeader`, a String."""
    message_deduplication_id: str | None = None
    """FIFO: what a duplicate is recognised by for 5 minutes, up to MESSAGE_DEDUPLICATION_ID_LENGTH_MAX letters, digits and punctuation; absent, the SHA-256 of the body with ContentBasedDeduplication. Refused on a standard queue."""
    message_group_id: str | None = None
    """FIFO, required: the messages of one group are delivered in order. Standard: the tenant of a fair queue. Up to MESSAGE_GROUP_ID_LENGTH_MAX letters, digits and punctuation."""


class SendMessageResult(Shape):
    message_id: str
    """A UUID; a duplicate is answered with its original's."""
    md5_of_message_body: str = field(name="MD5OfMessageBody")
    """Hexadecimal."""
    md5_of_message_attributes: str | None = field(name="MD5OfMessageAttributes", default=None)
    """Only with message attributes."""
    md5_of_message_system_attributes: str | None = field(name="MD5OfMessageSystemAttributes", default=None)
    """Only with system attributes."""
    sequence_number: str | None = None
    """FIFO: 20 digits, growing."""


class SendMessageBatchRequestEntry(Shape):
    id: str
    message_body: str = ""
    """Needed; an entry without it fails."""
    delay_seconds: int | None = None
    message_attributes: MessageAttributes | None = None
    message_system_attributes: MessageSystemAttributes | None = None
    message_deduplication_id: str | None = None
    message_group_id: str | None = None


class SendMessageBatch(Shape):
    """Put up to BATCH_ENTRIES_MAX messages into a queue, together at most BATCH_BYTES_MAX bytes. Each entry succeeds or fails by itself."""

    queue_url: str
    entries: Annotated[list[SendMessageBatchRequestEntry], QueryList("SendMessageBatchRequestEntry")]
    """1 to BATCH_ENTRIES_MAX."""


class SendMessageBatchResultEntry(Shape):
    id: str
    message_id: str
    md5_of_message_body: str = field(name="MD5OfMessageBody")
    md5_of_message_attributes: str | None = field(name="MD5OfMessageAttributes", default=None)
    md5_of_message_system_attributes: str | None = field(name="MD5OfMessageSystemAttributes", default=None)
    sequence_number: str | None = None


class SendMessageBatchResult(Shape):
    successful: Annotated[list[SendMessageBatchResultEntry] | None, QueryList("SendMessageBatchResultEntry")] = None
    """The entries that succeeded; absent when none did."""
    failed: Failed | None = None
    """The entries that failed; absent when none did."""


class ReceiveMessage(Shape):
    """Take messages in flight: they are hidden from others until their visibility timeout ends."""

    queue_url: str
    attribute_names: AttributeNames | None = None
    """The older name of MessageSystemAttributeNames."""
    message_system_attribute_names: Annotated[
        list[str] | None, QueryList("MessageSystemAttributeName", unless="AttributeName")
    ] = None
    """Which system attributes to show: names, or `All`. JSON follows this one where both are given, Query the older."""
    message_attribute_names: Annotated[list[str] | None, QueryList("MessageAttributeName")] = None
    """Which message attributes to show: names, `prefix.*`, or `All`."""
    max_number_of_messages: int | None = None
    """At most so many, 1 to RECEIVE_MAX_MESSAGES; 1 if absent."""
    visibility_timeout: int | None = None
    """Seconds for which they are hidden, VISIBILITY_TIMEOUT; the queue's VisibilityTimeout if absent."""
    wait_time_seconds: int | None = None
    """Seconds to wait for the first message, RECEIVE_MESSAGE_WAIT_TIME_SECONDS; the queue's ReceiveMessageWaitTimeSeconds if absent."""
    receive_request_attempt_id: str | None = None
    """FIFO: the same id within 5 minutes gives the same messages again."""


class Message(Shape):
    """A message as it is received."""

    message_id: str
    """As SendMessage answered."""
    receipt_handle: str
    """The ticket of this receive, with which the message is deleted or its visibility changed. On a FIFO queue only the latest one counts,
    and only while the message is hidden."""
    md5_of_body: str = field(name="MD5OfBody")
    """Hexadecimal."""
    body: str
    """As it was sent."""
    attributes: Attributes | None = None
    """System attributes that were asked for: SenderId, SentTimestamp, ApproximateReceiveCount, ApproximateFirstReceiveTimestamp; on FIFO queues SequenceNumber and MessageDeduplicationId; MessageGroupId, AWSTraceHeader and DeadLetterQueueSourceArn where there is one. Times are milliseconds since 1970."""
    md5_of_message_attributes: str | None = field(name="MD5OfMessageAttributes", default=None)
    """Over the attributes that are shown."""
    message_attributes: MessageAttributes | None = None
    """Those that were asked for."""


class ReceiveMessageResult(Shape):
    messages: Annotated[list[Message] | None, QueryList("Message", json_name="messages")] = None
    """Absent when there is none."""


class DeleteMessage(Shape):
    """Remove a message for good, once it is dealt with."""

    queue_url: str
    receipt_handle: str


class DeleteMessageBatchRequestEntry(Shape):
    id: str
    receipt_handle: str = ""
    """Needed; an entry without it fails."""


class DeleteMessageBatch(Shape):
    """Remove up to BATCH_ENTRIES_MAX messages. Each entry succeeds or fails by itself."""

    queue_url: str
    entries: Annotated[list[DeleteMessageBatchRequestEntry], QueryList("DeleteMessageBatchRequestEntry")]


class DeleteMessageBatchResultEntry(Shape):
    id: str


class DeleteMessageBatchResult(Shape):
    successful: Annotated[list[DeleteMessageBatchResultEntry] | None, QueryList("DeleteMessageBatchResultEntry")] = None
    failed: Failed | None = None


class ChangeMessageVisibility(Shape):
    """Set anew how long a received message stays hidden; from its receive at most 12 hours in all."""

    queue_url: str
    receipt_handle: str
    visibility_timeout: int
    """Seconds from now, VISIBILITY_TIMEOUT; 0 shows it at once."""


class ChangeMessageVisibilityBatchRequestEntry(Shape):
    id: str
    receipt_handle: str = ""
    """Needed; an entry without it fails."""
    visibility_timeout: int | None = None
    """Seconds from now, VISIBILITY_TIMEOUT; 0 shows it at once. An entry without it fails."""


class ChangeMessageVisibilityBatch(Shape):
    """Set anew how long up to BATCH_ENTRIES_MAX messages stay hidden. Each entry succeeds or fails by itself."""

    queue_url: str
    entries: Annotated[
        list[ChangeMessageVisibilityBatchRequestEntry], QueryList("ChangeMessageVisibilityBatchRequestEntry")
    ]


class ChangeMessageVisibilityBatchResultEntry(Shape):
    id: str


class ChangeMessageVisibilityBatchResult(Shape):
    successful: Annotated[
        list[ChangeMessageVisibilityBatchResultEntry] | None, QueryList("ChangeMessageVisibilityBatchResultEntry")
    ] = None
    failed: Failed | None = None


# Queues


QUEUE_ATTRIBUTES = {
    "VisibilityTimeout": "Seconds for which a received message is hidden.",
    "MaximumMessageSize": "Bytes of body and message attributes (names, types, values) that a message may have.",
    "MessageRetentionPeriod": "Seconds that a message is kept. Lowering it expires messages that are there.",
    "DelaySeconds": "Seconds before a sent message becomes visible. On a FIFO queue a change counts for what is there, too.",
    "ReceiveMessageWaitTimeSeconds": "Seconds that a receive waits for a message if it does not say otherwise.",
    "Policy": "The access policy, a JSON document.",
    "RedrivePolicy": "JSON: `deadLetterTargetArn`, a queue of the same type, account and region, and `maxReceiveCount`, MAX_RECEIVE_COUNT.",
    "RedriveAllowPolicy": "JSON: which queues may have this one as their dead-letter queue: `redrivePermission` allowAll, denyAll or "
    "byQueue, the last with up to REDRIVE_ALLOW_SOURCES_MAX `sourceQueueArns`.",
    "KmsMasterKeyId": "The KMS key that encrypts bodies, such as `alias/aws/sqs`. Excludes SqsManagedSseEnabled.",
    "KmsDataKeyReusePeriodSeconds": "Seconds for which a data key is used again.",
    "SqsManagedSseEnabled": "`true` or `false`: whether SQS encrypts with keys of its own.",
    "FifoQueue": "`true` makes a FIFO queue, whose name ends with `.fifo`. Cannot be changed; a standard queue has no such attribute.",
    "ContentBasedDeduplication": "`true` or `false`: whether the SHA-256 of the body is the deduplication id of a message that has none.",
    "DeduplicationScope": "`queue` or `messageGroup`: where duplicates are looked for.",
    "FifoThroughputLimit": "`perQueue` or `perMessageGroupId`: the latter makes a high-throughput queue, and needs the DeduplicationScope `messageGroup`.",
    "QueueArn": "The name of the queue in policies.",
    "ApproximateNumberOfMessages": "Messages that are visible.",
    "ApproximateNumberOfMessagesNotVisible": "Messages in flight.",
    "ApproximateNumberOfMessagesDelayed": "Messages that are delayed.",
    "CreatedTimestamp": "Seconds since 1970.",
    "LastModifiedTimestamp": "Seconds since 1970, of the last change of attributes.",
}
"""What each attribute of a queue means. Values are strings."""


class CreateQueue(Shape):
    """Make a queue, or find the one that is there: the same name with other attributes is refused. A deleted name is free again after 60 seconds."""

    queue_name: str | None = None
    """Needed: 1 to QUEUE_NAME_LENGTH_MAX letters, digits, hyphens and underscores; that of a FIFO queue ends with `.fifo`."""
    attributes: Attributes | None = None
    """By name, values are strings; see the [queue attributes](queue-attributes.md)."""
    tags: Tags | None = field(name="tags", default=None)
    """At most TAGS_MAX; keys of 1 to TAG_KEY_LENGTH_MAX characters."""


class CreateQueueResult(Shape):
    queue_url: str
    """Begins with the scheme and host of the request, or with what `--public-url` says."""


class DeleteQueue(Shape):
    """Delete a queue with everything in it."""

    queue_url: str


class ListQueues(Shape):
    """The URLs of your queues in this region, in order of names; without MaxResults up to LIST_RESULTS_MAX and no token."""

    queue_name_prefix: str | None = None
    """Only queues whose names begin so."""
    next_token: str | None = None
    """Where the next page begins; answered when MaxResults was given and more remain."""
    max_results: int | None = None
    """1 to LIST_RESULTS_MAX on a page."""


class ListQueuesResult(Shape):
    queue_urls: Annotated[list[str] | None, QueryList("QueueUrl", json_name="queueUrls")] = None
    """Absent when there is none."""
    next_token: str | None = None


class GetQueueUrl(Shape):
    """The URL of a queue by its name."""

    queue_name: str | None = None
    """Needed."""
    queue_owner_aws_account_id: str | None = field(name="QueueOwnerAWSAccountId", default=None)
    """Whose queue; the caller's own if absent."""


class GetQueueUrlResult(Shape):
    queue_url: str
    """As CreateQueue answered."""


class GetQueueAttributes(Shape):
    """Attributes of a queue; none unless some are asked for."""

    queue_url: str
    attribute_names: AttributeNames | None = None
    """Names, or `All`."""


class GetQueueAttributesResult(Shape):
    attributes: Attributes | None = None
    """Those that were asked for and are set; absent when there is none."""


class SetQueueAttributes(Shape):
    """Change attributes of a queue; the others stay."""

    queue_url: str
    attributes: Attributes | None = None
    """Those to change, one at least; an empty value removes Policy, RedrivePolicy, RedriveAllowPolicy or KmsMasterKeyId."""


class PurgeQueue(Shape):
    """Remove every message, those in flight and delayed included; once in 60 seconds."""

    queue_url: str


# Tags


class TagQueue(Shape):
    """Add tags, or overwrite them."""

    queue_url: str
    tags: Tags


class UntagQueue(Shape):
    """Remove tags; a key that is not there is no error."""

    queue_url: str
    tag_keys: Annotated[list[str], QueryList("TagKey")]
    """Which tags."""


class ListQueueTags(Shape):
    """The tags of a queue."""

    queue_url: str


class ListQueueTagsResult(Shape):
    tags: Tags | None = None
    """Absent when there is none."""


# Permissions


class AddPermission(Shape):
    """Add a statement to the queue's policy."""

    queue_url: str
    label: str
    """The name of the statement, up to POLICY_LABEL_LENGTH_MAX letters, digits, hyphens and underscores."""
    aws_account_ids: Annotated[list[str], QueryList("AWSAccountId")] = field(name="AWSAccountIds")
    """Who is allowed, 12 digits each."""
    actions: Annotated[list[str], QueryList("ActionName")]
    """What is allowed, up to POLICY_ACTIONS_MAX actions or `*`."""


class RemovePermission(Shape):
    """Remove a statement from the queue's policy."""

    queue_url: str
    label: str


# Dead letters


class ListDeadLetterSourceQueues(Shape):
    """The queues whose RedrivePolicy names this one."""

    queue_url: str
    next_token: str | None = None
    max_results: int | None = None


class ListDeadLetterSourceQueuesResult(Shape):
    queue_urls: Annotated[list[str] | None, QueryList("QueueUrl")] = field(name="queueUrls", default=None)
    """In order of names; absent when there are none."""
    next_token: str | None = None


class StartMessageMoveTask(Shape):
    """Move the messages of a dead-letter queue to where they came from, or to another queue. One task at a time for each source."""

    source_arn: str
    """The dead-letter queue of at least one queue."""
    destination_arn: str | None = None
    """Where all messages go; if absent each returns to the queue that it came from."""
    max_number_of_messages_per_second: int | None = None
    """The rate, MOVE_MESSAGES_PER_SECOND; as fast as possible if absent."""


class StartMessageMoveTaskResult(Shape):
    task_handle: str
    """Names the task; listed only while it is RUNNING."""


class CancelMessageMoveTask(Shape):
    """Stop a task that is RUNNING; what it has moved stays moved."""

    task_handle: str


class CancelMessageMoveTaskResult(Shape):
    approximate_number_of_messages_moved: int
    """So far."""


class ListMessageMoveTasks(Shape):
    """The latest tasks of a source, latest first."""

    source_arn: str
    max_results: int | None = None
    """1 to MOVE_TASKS_LISTED_MAX; 1 if absent."""


class ListMessageMoveTasksResultEntry(Shape):
    status: str
    """RUNNING, COMPLETED, CANCELLING, CANCELLED or FAILED."""
    source_arn: str
    started_timestamp: int
    """Milliseconds since 1970."""
    approximate_number_of_messages_moved: int
    approximate_number_of_messages_to_move: int | None = None
    """Visible messages of the source when it started."""
    task_handle: str | None = None
    destination_arn: str | None = None
    max_number_of_messages_per_second: int | None = None
    failure_reason: str | None = None
    """Only when FAILED."""


class ListMessageMoveTasksResult(Shape):
    results: Annotated[list[ListMessageMoveTasksResultEntry] | None, QueryList("ListMessageMoveTasksResultEntry")] = (
        None
    )
    """Absent when there is none."""


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("AddPermission", AddPermission),
        Operation("CancelMessageMoveTask", CancelMessageMoveTask, CancelMessageMoveTaskResult, account_level=True),
        Operation("ChangeMessageVisibility", ChangeMessageVisibility),
        Operation("ChangeMessageVisibilityBatch", ChangeMessageVisibilityBatch, ChangeMessageVisibilityBatchResult),
        Operation("CreateQueue", CreateQueue, CreateQueueResult, account_level=True),
        Operation("DeleteMessage", DeleteMessage),
        Operation("DeleteMessageBatch", DeleteMessageBatch, DeleteMessageBatchResult),
        Operation("DeleteQueue", DeleteQueue),
        Operation("GetQueueAttributes", GetQueueAttributes, GetQueueAttributesResult),
        Operation("GetQueueUrl", GetQueueUrl, GetQueueUrlResult),
        Operation("ListDeadLetterSourceQueues", ListDeadLetterSourceQueues, ListDeadLetterSourceQueuesResult),
        Operation("ListMessageMoveTasks", ListMessageMoveTasks, ListMessageMoveTasksResult, account_level=True),
        Operation("ListQueueTags", ListQueueTags, ListQueueTagsResult),
        Operation("ListQueues", ListQueues, ListQueuesResult, account_level=True),
        Operation("PurgeQueue", PurgeQueue),
        Operation("ReceiveMessage", ReceiveMessage, ReceiveMessageResult),
        Operation("RemovePermission", RemovePermission),
        Operation("SendMessage", SendMessage, SendMessageResult),
        Operation("SendMessageBatch", SendMessageBatch, SendMessageBatchResult),
        Operation("SetQueueAttributes", SetQueueAttributes),
        Operation("StartMessageMoveTask", StartMessageMoveTask, StartMessageMoveTaskResult, account_level=True),
        Operation("TagQueue", TagQueue),
        Operation("UntagQueue", UntagQueue),
    )
}

SERVICE = Service(
    name="sqs",
    json_target="AmazonSQS",
    version="2012-11-05",
    xml_namespace="http://queue.amazonaws.com/doc/2012-11-05/",
    operations=OPERATIONS,
    error_namespace="com.amazonaws.sqs",
    path_parameter="QueueUrl",
)
