"""Amazon SQS, API version 2012-11-05: its 23 actions as declarations.

Source: the service models inside botocore (1.43 for the JSON protocol, 1.31.80 for the Query names); a test holds this file
against both.
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

    data_type: str
    string_value: str | None = None
    binary_value: bytes | None = None
    string_list_values: Annotated[list[str] | None, QueryList("StringListValue")] = None
    binary_list_values: Annotated[list[bytes] | None, QueryList("BinaryListValue")] = None


MessageAttributes = Annotated[dict[str, MessageAttributeValue], QueryMap("MessageAttribute", "Name", "Value")]
MessageSystemAttributes = Annotated[
    dict[str, MessageAttributeValue], QueryMap("MessageSystemAttribute", "Name", "Value")
]


class BatchResultErrorEntry(Shape):
    """Why one entry of a batch failed."""

    id: str
    sender_fault: bool
    code: str
    message: str | None = None


Failed = Annotated[list[BatchResultErrorEntry], QueryList("BatchResultErrorEntry")]


class SendMessage(Shape):
    queue_url: str
    message_body: str
    delay_seconds: int | None = None
    message_attributes: MessageAttributes | None = None
    message_system_attributes: MessageSystemAttributes | None = None
    message_deduplication_id: str | None = None
    message_group_id: str | None = None


class SendMessageResult(Shape):
    message_id: str
    md5_of_message_body: str = field(name="MD5OfMessageBody")
    md5_of_message_attributes: str | None = field(name="MD5OfMessageAttributes", default=None)
    md5_of_message_system_attributes: str | None = field(name="MD5OfMessageSystemAttributes", default=None)
    sequence_number: str | None = None


class SendMessageBatchRequestEntry(Shape):
    id: str
    message_body: str
    delay_seconds: int | None = None
    message_attributes: MessageAttributes | None = None
    message_system_attributes: MessageSystemAttributes | None = None
    message_deduplication_id: str | None = None
    message_group_id: str | None = None


class SendMessageBatch(Shape):
    queue_url: str
    entries: Annotated[list[SendMessageBatchRequestEntry], QueryList("SendMessageBatchRequestEntry")]


class SendMessageBatchResultEntry(Shape):
    id: str
    message_id: str
    md5_of_message_body: str = field(name="MD5OfMessageBody")
    md5_of_message_attributes: str | None = field(name="MD5OfMessageAttributes", default=None)
    md5_of_message_system_attributes: str | None = field(name="MD5OfMessageSystemAttributes", default=None)
    sequence_number: str | None = None


class SendMessageBatchResult(Shape):
    successful: Annotated[list[SendMessageBatchResultEntry], QueryList("SendMessageBatchResultEntry")]
    failed: Failed | None = None


class ReceiveMessage(Shape):
    queue_url: str
    attribute_names: AttributeNames | None = None
    message_system_attribute_names: Annotated[
        list[str] | None, QueryList("MessageSystemAttributeName", unless="AttributeName")
    ] = None
    message_attribute_names: Annotated[list[str] | None, QueryList("MessageAttributeName")] = None
    max_number_of_messages: int | None = None
    visibility_timeout: int | None = None
    wait_time_seconds: int | None = None
    receive_request_attempt_id: str | None = None


class Message(Shape):
    message_id: str
    receipt_handle: str
    md5_of_body: str = field(name="MD5OfBody")
    body: str
    attributes: Attributes | None = None
    md5_of_message_attributes: str | None = field(name="MD5OfMessageAttributes", default=None)
    message_attributes: MessageAttributes | None = None


class ReceiveMessageResult(Shape):
    messages: Annotated[list[Message] | None, QueryList("Message", json_name="messages")] = None


class DeleteMessage(Shape):
    queue_url: str
    receipt_handle: str


class DeleteMessageBatchRequestEntry(Shape):
    id: str
    receipt_handle: str


class DeleteMessageBatch(Shape):
    queue_url: str
    entries: Annotated[list[DeleteMessageBatchRequestEntry], QueryList("DeleteMessageBatchRequestEntry")]


class DeleteMessageBatchResultEntry(Shape):
    id: str


class DeleteMessageBatchResult(Shape):
    successful: Annotated[list[DeleteMessageBatchResultEntry], QueryList("DeleteMessageBatchResultEntry")]
    failed: Failed | None = None


class ChangeMessageVisibility(Shape):
    queue_url: str
    receipt_handle: str
    visibility_timeout: int


class ChangeMessageVisibilityBatchRequestEntry(Shape):
    id: str
    receipt_handle: str
    visibility_timeout: int | None = None


class ChangeMessageVisibilityBatch(Shape):
    queue_url: str
    entries: Annotated[
        list[ChangeMessageVisibilityBatchRequestEntry], QueryList("ChangeMessageVisibilityBatchRequestEntry")
    ]


class ChangeMessageVisibilityBatchResultEntry(Shape):
    id: str


class ChangeMessageVisibilityBatchResult(Shape):
    successful: Annotated[
        list[ChangeMessageVisibilityBatchResultEntry], QueryList("ChangeMessageVisibilityBatchResultEntry")
    ]
    failed: Failed | None = None


# Queues


class CreateQueue(Shape):
    queue_name: str
    attributes: Attributes | None = None
    tags: Tags | None = field(name="tags", default=None)


class CreateQueueResult(Shape):
    queue_url: str


class DeleteQueue(Shape):
    queue_url: str


class ListQueues(Shape):
    queue_name_prefix: str | None = None
    next_token: str | None = None
    max_results: int | None = None


class ListQueuesResult(Shape):
    queue_urls: Annotated[list[str] | None, QueryList("QueueUrl", json_name="queueUrls")] = None
    next_token: str | None = None


class GetQueueUrl(Shape):
    queue_name: str
    queue_owner_aws_account_id: str | None = field(name="QueueOwnerAWSAccountId", default=None)


class GetQueueUrlResult(Shape):
    queue_url: str


class GetQueueAttributes(Shape):
    queue_url: str
    attribute_names: AttributeNames | None = None


class GetQueueAttributesResult(Shape):
    attributes: Attributes | None = None


class SetQueueAttributes(Shape):
    queue_url: str
    attributes: Attributes


class PurgeQueue(Shape):
    queue_url: str


# Tags


class TagQueue(Shape):
    queue_url: str
    tags: Tags


class UntagQueue(Shape):
    queue_url: str
    tag_keys: Annotated[list[str], QueryList("TagKey")]


class ListQueueTags(Shape):
    queue_url: str


class ListQueueTagsResult(Shape):
    tags: Tags | None = None


# Permissions


class AddPermission(Shape):
    queue_url: str
    label: str
    aws_account_ids: Annotated[list[str], QueryList("AWSAccountId")] = field(name="AWSAccountIds")
    actions: Annotated[list[str], QueryList("ActionName")]


class RemovePermission(Shape):
    queue_url: str
    label: str


# Dead letters


class ListDeadLetterSourceQueues(Shape):
    queue_url: str
    next_token: str | None = None
    max_results: int | None = None


class ListDeadLetterSourceQueuesResult(Shape):
    queue_urls: Annotated[list[str], QueryList("QueueUrl")] = field(name="queueUrls")
    next_token: str | None = None


class StartMessageMoveTask(Shape):
    source_arn: str
    destination_arn: str | None = None
    max_number_of_messages_per_second: int | None = None


class StartMessageMoveTaskResult(Shape):
    task_handle: str


class CancelMessageMoveTask(Shape):
    task_handle: str


class CancelMessageMoveTaskResult(Shape):
    approximate_number_of_messages_moved: int


class ListMessageMoveTasks(Shape):
    source_arn: str
    max_results: int | None = None


class ListMessageMoveTasksResultEntry(Shape):
    status: str
    source_arn: str
    started_timestamp: int
    approximate_number_of_messages_moved: int
    approximate_number_of_messages_to_move: int | None = None
    task_handle: str | None = None
    destination_arn: str | None = None
    max_number_of_messages_per_second: int | None = None
    failure_reason: str | None = None


class ListMessageMoveTasksResult(Shape):
    results: Annotated[list[ListMessageMoveTasksResultEntry], QueryList("ListMessageMoveTasksResultEntry")]


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
)
