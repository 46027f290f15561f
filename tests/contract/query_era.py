"""The whole life of a message through a botocore of the Query era; run by test_python_clients.py inside that environment."""

import json

import boto3
import botocore
from botocore.exceptions import ClientError

sqs = boto3.client("sqs")
url = sqs.create_queue(QueueName="query-era", Attributes={"VisibilityTimeout": "30"}, tags={"team": "orders"})[
    "QueueUrl"
]
attributes = {
    "eventType": {"DataType": "String", "StringValue": "TEST"},
    "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
}
body = 'a\r\nb & <c> "d" &quot; grüße ✓'
sent = sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)
received = sqs.receive_message(QueueUrl=url, AttributeNames=["All"], MessageAttributeNames=["All"])["Messages"][0]
sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=received["ReceiptHandle"], VisibilityTimeout=60)
sqs.delete_message(QueueUrl=url, ReceiptHandle=received["ReceiptHandle"])
batch = sqs.send_message_batch(
    QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "1"}, {"Id": "b", "MessageBody": "\uffff"}]
)
again = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
deleted = sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "d", "ReceiptHandle": again[0]["ReceiptHandle"]}])
try:
    sqs.get_queue_url(QueueName="no-such-queue")
except ClientError as error:
    missing = [
        error.response["Error"]["Code"],
        error.response["Error"]["Message"],
        error.response["ResponseMetadata"]["HTTPStatusCode"],
    ]
print(
    json.dumps(
        {
            "protocol": sqs.meta.service_model.metadata["protocol"],
            "version": botocore.__version__,
            "same_id": sent["MessageId"] == received["MessageId"],
            "same_body": received["Body"] == body,
            "bytes": list(received["MessageAttributes"]["bytes"]["BinaryValue"]),
            "count": received["Attributes"]["ApproximateReceiveCount"],
            "batch": [len(batch["Successful"]), batch["Failed"][0]["Code"]],
            "deleted": [entry["Id"] for entry in deleted["Successful"]],
            "empty": "Messages" in sqs.receive_message(QueueUrl=url),
            "tags": sqs.list_queue_tags(QueueUrl=url)["Tags"],
            "attributes": sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"],
            "missing": missing,
        }
    )
)
