"""One table: every operation of SQS as it travels in each protocol. The tests beside this file run it in all directions.

The Query names are those of the last Query-era service model (botocore 1.31.80). Values that travel in one direction only (a
tolerated spelling, a broken request) are in the tests themselves.
"""

from dataclasses import dataclass

from crossdock.aws import errors
from crossdock.aws.api import sqs
from crossdock.aws.errors import ApiError
from crossdock.aws.shapes import Shape

URL = "http://127.0.0.1:9324/123456789012/orders"
URL_FORM = "QueueUrl=http%3A%2F%2F127.0.0.1%3A9324%2F123456789012%2Forders"
ARN = "arn:aws:sqs:eu-west-1:123456789012:orders-dlq"
ARN_FORM = "SourceArn=arn%3Aaws%3Asqs%3Aeu-west-1%3A123456789012%3Aorders-dlq"
MD5 = "098f6bcd4621d373cade4e832627b4f6"
TEXT = sqs.MessageAttributeValue(data_type="String", string_value="x & y")
BLOB = sqs.MessageAttributeValue(data_type="Binary.png", binary_value=b"\x00\xff")


@dataclass(frozen=True)
class RequestCase:
    """A request: the value, the JSON body, the form after `Action=…&Version=…`."""

    operation: str
    value: Shape
    json: str
    form: str


@dataclass(frozen=True)
class ResultCase:
    """A result: the value, the JSON body, what is within the XML element `…Result`, what is within the JSON of the Query protocol."""

    operation: str
    value: Shape | None
    json: str
    xml: str | None
    query_json: str | None


@dataclass(frozen=True)
class ErrorCase:
    """An error: JSON type and text, the header that carries the legacy code, status, and code and text in XML."""

    error: ApiError
    json: str
    legacy: str
    status: int
    xml: str


REQUESTS = [
    RequestCase(
        "AddPermission",
        sqs.AddPermission(URL, "share", ["111122223333", "444455556666"], ["SendMessage"]),
        f'{{"QueueUrl":"{URL}","Label":"share","AWSAccountIds":["111122223333","444455556666"],"Actions":["SendMessage"]}}',
        f"{URL_FORM}&Label=share&AWSAccountId.1=111122223333&AWSAccountId.2=444455556666&ActionName.1=SendMessage",
    ),
    RequestCase("CancelMessageMoveTask", sqs.CancelMessageMoveTask("t+1"), '{"TaskHandle":"t+1"}', "TaskHandle=t%2B1"),
    RequestCase(
        "ChangeMessageVisibility",
        sqs.ChangeMessageVisibility(URL, "r1", 0),
        f'{{"QueueUrl":"{URL}","ReceiptHandle":"r1","VisibilityTimeout":0}}',
        f"{URL_FORM}&ReceiptHandle=r1&VisibilityTimeout=0",
    ),
    RequestCase(
        "ChangeMessageVisibilityBatch",
        sqs.ChangeMessageVisibilityBatch(URL, [sqs.ChangeMessageVisibilityBatchRequestEntry("a", "r1", 60)]),
        f'{{"QueueUrl":"{URL}","Entries":[{{"Id":"a","ReceiptHandle":"r1","VisibilityTimeout":60}}]}}',
        f"{URL_FORM}&ChangeMessageVisibilityBatchRequestEntry.1.Id=a"
        "&ChangeMessageVisibilityBatchRequestEntry.1.ReceiptHandle=r1"
        "&ChangeMessageVisibilityBatchRequestEntry.1.VisibilityTimeout=60",
    ),
    RequestCase(
        "CreateQueue",
        sqs.CreateQueue("orders.fifo", {"FifoQueue": "true", "DelaySeconds": "5"}, {"team": "orders"}),
        '{"QueueName":"orders.fifo","Attributes":{"FifoQueue":"true","DelaySeconds":"5"},"tags":{"team":"orders"}}',
        "QueueName=orders.fifo&Attribute.1.Name=FifoQueue&Attribute.1.Value=true"
        "&Attribute.2.Name=DelaySeconds&Attribute.2.Value=5&Tag.1.Key=team&Tag.1.Value=orders",
    ),
    RequestCase(
        "DeleteMessage",
        sqs.DeleteMessage(URL, "r1"),
        f'{{"QueueUrl":"{URL}","ReceiptHandle":"r1"}}',
        f"{URL_FORM}&ReceiptHandle=r1",
    ),
    RequestCase(
        "DeleteMessageBatch",
        sqs.DeleteMessageBatch(
            URL, [sqs.DeleteMessageBatchRequestEntry("a", "r1"), sqs.DeleteMessageBatchRequestEntry("b", "r2")]
        ),
        f'{{"QueueUrl":"{URL}","Entries":[{{"Id":"a","ReceiptHandle":"r1"}},{{"Id":"b","ReceiptHandle":"r2"}}]}}',
        f"{URL_FORM}&DeleteMessageBatchRequestEntry.1.Id=a&DeleteMessageBatchRequestEntry.1.ReceiptHandle=r1"
        "&DeleteMessageBatchRequestEntry.2.Id=b&DeleteMessageBatchRequestEntry.2.ReceiptHandle=r2",
    ),
    RequestCase("DeleteQueue", sqs.DeleteQueue(URL), f'{{"QueueUrl":"{URL}"}}', URL_FORM),
    RequestCase(
        "GetQueueAttributes",
        sqs.GetQueueAttributes(URL, ["All", "QueueArn"]),
        f'{{"QueueUrl":"{URL}","AttributeNames":["All","QueueArn"]}}',
        f"{URL_FORM}&AttributeName.1=All&AttributeName.2=QueueArn",
    ),
    RequestCase(
        "GetQueueUrl",
        sqs.GetQueueUrl("orders", "123456789012"),
        '{"QueueName":"orders","QueueOwnerAWSAccountId":"123456789012"}',
        "QueueName=orders&QueueOwnerAWSAccountId=123456789012",
    ),
    RequestCase(
        "ListDeadLetterSourceQueues",
        sqs.ListDeadLetterSourceQueues(URL, "next", 10),
        f'{{"QueueUrl":"{URL}","NextToken":"next","MaxResults":10}}',
        f"{URL_FORM}&NextToken=next&MaxResults=10",
    ),
    RequestCase(
        "ListMessageMoveTasks",
        sqs.ListMessageMoveTasks(ARN, 1),
        f'{{"SourceArn":"{ARN}","MaxResults":1}}',
        f"{ARN_FORM}&MaxResults=1",
    ),
    RequestCase("ListQueueTags", sqs.ListQueueTags(URL), f'{{"QueueUrl":"{URL}"}}', URL_FORM),
    RequestCase("ListQueues", sqs.ListQueues(), "{}", ""),
    RequestCase(
        "ListQueues",
        sqs.ListQueues("ord", "next", 1000),
        '{"QueueNamePrefix":"ord","NextToken":"next","MaxResults":1000}',
        "QueueNamePrefix=ord&NextToken=next&MaxResults=1000",
    ),
    RequestCase("PurgeQueue", sqs.PurgeQueue(URL), f'{{"QueueUrl":"{URL}"}}', URL_FORM),
    RequestCase(
        "ReceiveMessage",
        sqs.ReceiveMessage(URL, ["All"], None, ["Hel.*", "k"], 10, 30, 20, "try-1"),
        f'{{"QueueUrl":"{URL}","AttributeNames":["All"],'
        '"MessageAttributeNames":["Hel.*","k"],"MaxNumberOfMessages":10,"VisibilityTimeout":30,"WaitTimeSeconds":20,'
        '"ReceiveRequestAttemptId":"try-1"}',
        f"{URL_FORM}&AttributeName.1=All&MessageAttributeName.1=Hel.%2A"
        "&MessageAttributeName.2=k&MaxNumberOfMessages=10&VisibilityTimeout=30&WaitTimeSeconds=20"
        "&ReceiveRequestAttemptId=try-1",
    ),
    RequestCase(
        "ReceiveMessage",
        sqs.ReceiveMessage(URL, message_system_attribute_names=["SenderId"]),
        f'{{"QueueUrl":"{URL}","MessageSystemAttributeNames":["SenderId"]}}',
        f"{URL_FORM}&MessageSystemAttributeName.1=SenderId",
    ),
    RequestCase(
        "RemovePermission",
        sqs.RemovePermission(URL, "share"),
        f'{{"QueueUrl":"{URL}","Label":"share"}}',
        f"{URL_FORM}&Label=share",
    ),
    RequestCase(
        "SendMessage",
        sqs.SendMessage(URL, "grüße\r\n+&=%", 0, {"k": TEXT, "b": BLOB}, {"AWSTraceHeader": TEXT}, "d-1", "g-1"),
        f'{{"QueueUrl":"{URL}","MessageBody":"grüße\\r\\n+&=%","DelaySeconds":0,'
        '"MessageAttributes":{"k":{"DataType":"String","StringValue":"x & y"},'
        '"b":{"DataType":"Binary.png","BinaryValue":"AP8="}},'
        '"MessageSystemAttributes":{"AWSTraceHeader":{"DataType":"String","StringValue":"x & y"}},'
        '"MessageDeduplicationId":"d-1","MessageGroupId":"g-1"}',
        f"{URL_FORM}&MessageBody=gr%C3%BC%C3%9Fe%0D%0A%2B%26%3D%25&DelaySeconds=0"
        "&MessageAttribute.1.Name=k&MessageAttribute.1.Value.DataType=String"
        "&MessageAttribute.1.Value.StringValue=x+%26+y"
        "&MessageAttribute.2.Name=b&MessageAttribute.2.Value.DataType=Binary.png"
        "&MessageAttribute.2.Value.BinaryValue=AP8%3D"
        "&MessageSystemAttribute.1.Name=AWSTraceHeader&MessageSystemAttribute.1.Value.DataType=String"
        "&MessageSystemAttribute.1.Value.StringValue=x+%26+y&MessageDeduplicationId=d-1&MessageGroupId=g-1",
    ),
    RequestCase(
        "SendMessageBatch",
        sqs.SendMessageBatch(
            URL,
            [
                sqs.SendMessageBatchRequestEntry("a", "one", message_attributes={"k": TEXT}),
                sqs.SendMessageBatchRequestEntry("b", "two", delay_seconds=5),
            ],
        ),
        f'{{"QueueUrl":"{URL}","Entries":[{{"Id":"a","MessageBody":"one","MessageAttributes":'
        '{"k":{"DataType":"String","StringValue":"x & y"}}},{"Id":"b","MessageBody":"two","DelaySeconds":5}]}',
        f"{URL_FORM}&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=one"
        "&SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=k"
        "&SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType=String"
        "&SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue=x+%26+y"
        "&SendMessageBatchRequestEntry.2.Id=b&SendMessageBatchRequestEntry.2.MessageBody=two"
        "&SendMessageBatchRequestEntry.2.DelaySeconds=5",
    ),
    RequestCase(
        "SetQueueAttributes",
        sqs.SetQueueAttributes(URL, {"Policy": ""}),
        f'{{"QueueUrl":"{URL}","Attributes":{{"Policy":""}}}}',
        f"{URL_FORM}&Attribute.1.Name=Policy&Attribute.1.Value=",
    ),
    RequestCase(
        "StartMessageMoveTask",
        sqs.StartMessageMoveTask(ARN, None, 500),
        f'{{"SourceArn":"{ARN}","MaxNumberOfMessagesPerSecond":500}}',
        f"{ARN_FORM}&MaxNumberOfMessagesPerSecond=500",
    ),
    RequestCase(
        "TagQueue",
        sqs.TagQueue(URL, {"team": "orders", "": ""}),
        f'{{"QueueUrl":"{URL}","Tags":{{"team":"orders","":""}}}}',
        f"{URL_FORM}&Tag.1.Key=team&Tag.1.Value=orders&Tag.2.Key=&Tag.2.Value=",
    ),
    RequestCase(
        "UntagQueue",
        sqs.UntagQueue(URL, ["team"]),
        f'{{"QueueUrl":"{URL}","TagKeys":["team"]}}',
        f"{URL_FORM}&TagKey.1=team",
    ),
]

FAILED = sqs.BatchResultErrorEntry("b", True, "InvalidMessageContents", "Invalid <characters>")
FAILED_JSON = '{"Id":"b","SenderFault":true,"Code":"InvalidMessageContents","Message":"Invalid <characters>"}'
FAILED_XML = (
    "<BatchResultErrorEntry><Id>b</Id><SenderFault>true</SenderFault><Code>InvalidMessageContents</Code>"
    "<Message>Invalid &lt;characters&gt;</Message></BatchResultErrorEntry>"
)

RESULTS = [
    *(
        ResultCase(operation, None, "", None, None)
        for operation in (
            "AddPermission",
            "ChangeMessageVisibility",
            "DeleteMessage",
            "DeleteQueue",
            "PurgeQueue",
            "RemovePermission",
            "SetQueueAttributes",
            "TagQueue",
            "UntagQueue",
        )
    ),
    ResultCase(
        "CancelMessageMoveTask",
        sqs.CancelMessageMoveTaskResult(7),
        '{"ApproximateNumberOfMessagesMoved":7}',
        "<ApproximateNumberOfMessagesMoved>7</ApproximateNumberOfMessagesMoved>",
        '{"ApproximateNumberOfMessagesMoved":7}',
    ),
    ResultCase(
        "ChangeMessageVisibilityBatch",
        sqs.ChangeMessageVisibilityBatchResult([sqs.ChangeMessageVisibilityBatchResultEntry("a")], [FAILED]),
        f'{{"Successful":[{{"Id":"a"}}],"Failed":[{FAILED_JSON}]}}',
        "<ChangeMessageVisibilityBatchResultEntry><Id>a</Id></ChangeMessageVisibilityBatchResultEntry>" + FAILED_XML,
        f'{{"Successful":[{{"Id":"a"}}],"Failed":[{FAILED_JSON}]}}',
    ),
    ResultCase(
        "CreateQueue",
        sqs.CreateQueueResult(URL),
        f'{{"QueueUrl":"{URL}"}}',
        f"<QueueUrl>{URL}</QueueUrl>",
        f'{{"QueueUrl":"{URL}"}}',
    ),
    ResultCase(
        "DeleteMessageBatch",
        sqs.DeleteMessageBatchResult(None, [FAILED]),
        f'{{"Failed":[{FAILED_JSON}]}}',
        FAILED_XML,
        f'{{"Successful":null,"Failed":[{FAILED_JSON}]}}',
    ),
    ResultCase(
        "GetQueueAttributes",
        sqs.GetQueueAttributesResult({"QueueArn": ARN, "Policy": '{"Id":"<1>"}'}),
        f'{{"Attributes":{{"QueueArn":"{ARN}","Policy":"{{\\"Id\\":\\"<1>\\"}}"}}}}',
        f"<Attribute><Name>QueueArn</Name><Value>{ARN}</Value></Attribute>"
        "<Attribute><Name>Policy</Name><Value>{&quot;Id&quot;:&quot;&lt;1&gt;&quot;}</Value></Attribute>",
        f'{{"Attributes":[{{"Name":"QueueArn","Value":"{ARN}"}},'
        '{"Name":"Policy","Value":"{\\"Id\\":\\"<1>\\"}"}]}',
    ),
    ResultCase(
        "GetQueueUrl",
        sqs.GetQueueUrlResult(URL),
        f'{{"QueueUrl":"{URL}"}}',
        f"<QueueUrl>{URL}</QueueUrl>",
        f'{{"QueueUrl":"{URL}"}}',
    ),
    ResultCase(
        "ListDeadLetterSourceQueues",
        sqs.ListDeadLetterSourceQueuesResult([URL], "next"),
        f'{{"queueUrls":["{URL}"],"NextToken":"next"}}',
        f"<QueueUrl>{URL}</QueueUrl><NextToken>next</NextToken>",
        f'{{"queueUrls":["{URL}"],"NextToken":"next"}}',
    ),
    ResultCase(
        "ListMessageMoveTasks",
        sqs.ListMessageMoveTasksResult(
            [sqs.ListMessageMoveTasksResultEntry("RUNNING", ARN, 1442428276921, 3, 5, task_handle="t1")]
        ),
        f'{{"Results":[{{"Status":"RUNNING","SourceArn":"{ARN}","StartedTimestamp":1442428276921,'
        '"ApproximateNumberOfMessagesMoved":3,"ApproximateNumberOfMessagesToMove":5,"TaskHandle":"t1"}]}',
        f"<ListMessageMoveTasksResultEntry><Status>RUNNING</Status><SourceArn>{ARN}</SourceArn>"
        "<StartedTimestamp>1442428276921</StartedTimestamp>"
        "<ApproximateNumberOfMessagesMoved>3</ApproximateNumberOfMessagesMoved>"
        "<ApproximateNumberOfMessagesToMove>5</ApproximateNumberOfMessagesToMove><TaskHandle>t1</TaskHandle>"
        "</ListMessageMoveTasksResultEntry>",
        f'{{"Results":[{{"Status":"RUNNING","SourceArn":"{ARN}","StartedTimestamp":1442428276921,'
        '"ApproximateNumberOfMessagesMoved":3,"ApproximateNumberOfMessagesToMove":5,"TaskHandle":"t1",'
        '"DestinationArn":null,"MaxNumberOfMessagesPerSecond":null,"FailureReason":null}]}',
    ),
    ResultCase(
        "ListQueueTags",
        sqs.ListQueueTagsResult({"team": "orders", "empty": ""}),
        '{"Tags":{"team":"orders","empty":""}}',
        "<Tag><Key>team</Key><Value>orders</Value></Tag><Tag><Key>empty</Key><Value/></Tag>",
        '{"Tags":[{"Key":"team","Value":"orders"},{"Key":"empty","Value":""}]}',
    ),
    ResultCase("ListQueues", sqs.ListQueuesResult(), "{}", "", '{"queueUrls":null,"NextToken":null}'),
    ResultCase(
        "ListQueues",
        sqs.ListQueuesResult([URL, f"{URL}-2"], "next"),
        f'{{"QueueUrls":["{URL}","{URL}-2"],"NextToken":"next"}}',
        f"<QueueUrl>{URL}</QueueUrl><QueueUrl>{URL}-2</QueueUrl><NextToken>next</NextToken>",
        f'{{"queueUrls":["{URL}","{URL}-2"],"NextToken":"next"}}',
    ),
    ResultCase("ReceiveMessage", sqs.ReceiveMessageResult(), "{}", "", '{"messages":null}'),
    ResultCase(
        "ReceiveMessage",
        sqs.ReceiveMessageResult(
            [sqs.Message("m-1", "r-1", MD5, '"a"\r\n<&quot;>', {"SenderId": "AIDA"}, MD5, {"k": TEXT, "b": BLOB})]
        ),
        f'{{"Messages":[{{"MessageId":"m-1","ReceiptHandle":"r-1","MD5OfBody":"{MD5}",'
        '"Body":"\\"a\\"\\r\\n<&quot;>","Attributes":{"SenderId":"AIDA"},'
        f'"MD5OfMessageAttributes":"{MD5}","MessageAttributes":{{"k":{{"DataType":"String","StringValue":"x & y"}},'
        '"b":{"DataType":"Binary.png","BinaryValue":"AP8="}}}]}',
        f"<Message><MessageId>m-1</MessageId><ReceiptHandle>r-1</ReceiptHandle><MD5OfBody>{MD5}</MD5OfBody>"
        "<Body>&quot;a&quot;&#xD;\n&lt;&amp;quot;&gt;</Body>"
        "<Attribute><Name>SenderId</Name><Value>AIDA</Value></Attribute>"
        f"<MD5OfMessageAttributes>{MD5}</MD5OfMessageAttributes>"
        "<MessageAttribute><Name>k</Name><Value><DataType>String</DataType><StringValue>x &amp; y</StringValue></Value>"
        "</MessageAttribute><MessageAttribute><Name>b</Name><Value><DataType>Binary.png</DataType>"
        "<BinaryValue>AP8=</BinaryValue></Value></MessageAttribute></Message>",
        f'{{"messages":[{{"MessageId":"m-1","ReceiptHandle":"r-1","MD5OfBody":"{MD5}",'
        '"Body":"\\"a\\"\\r\\n<&quot;>","Attributes":[{"Name":"SenderId","Value":"AIDA"}],'
        f'"MD5OfMessageAttributes":"{MD5}","MessageAttributes":[{{"Name":"k","Value":{{"DataType":"String",'
        '"StringValue":"x & y","BinaryValue":null,"StringListValues":null,"BinaryListValues":null}},'
        '{"Name":"b","Value":{"DataType":"Binary.png","StringValue":null,"BinaryValue":"AP8=",'
        '"StringListValues":null,"BinaryListValues":null}}]}]}',
    ),
    ResultCase(
        "SendMessage",
        sqs.SendMessageResult("m-1", MD5, MD5, None, "18849496460467696128"),
        f'{{"MessageId":"m-1","MD5OfMessageBody":"{MD5}","MD5OfMessageAttributes":"{MD5}",'
        '"SequenceNumber":"18849496460467696128"}',
        f"<MessageId>m-1</MessageId><MD5OfMessageBody>{MD5}</MD5OfMessageBody>"
        f"<MD5OfMessageAttributes>{MD5}</MD5OfMessageAttributes><SequenceNumber>18849496460467696128</SequenceNumber>",
        f'{{"MessageId":"m-1","MD5OfMessageBody":"{MD5}","MD5OfMessageAttributes":"{MD5}",'
        '"MD5OfMessageSystemAttributes":null,"SequenceNumber":"18849496460467696128"}',
    ),
    ResultCase(
        "SendMessageBatch",
        sqs.SendMessageBatchResult([sqs.SendMessageBatchResultEntry("a", "m-1", MD5)]),
        f'{{"Successful":[{{"Id":"a","MessageId":"m-1","MD5OfMessageBody":"{MD5}"}}]}}',
        "<SendMessageBatchResultEntry><Id>a</Id><MessageId>m-1</MessageId>"
        f"<MD5OfMessageBody>{MD5}</MD5OfMessageBody></SendMessageBatchResultEntry>",
        f'{{"Successful":[{{"Id":"a","MessageId":"m-1","MD5OfMessageBody":"{MD5}","MD5OfMessageAttributes":null,'
        '"MD5OfMessageSystemAttributes":null,"SequenceNumber":null}],"Failed":null}',
    ),
    ResultCase(
        "StartMessageMoveTask",
        sqs.StartMessageMoveTaskResult("t1"),
        '{"TaskHandle":"t1"}',
        "<TaskHandle>t1</TaskHandle>",
        '{"TaskHandle":"t1"}',
    ),
]

ERRORS = [
    ErrorCase(
        errors.QueueDoesNotExist(),
        '{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}',
        "AWS.SimpleQueueService.NonExistentQueue;Sender",
        400,
        "<Type>Sender</Type><Code>AWS.SimpleQueueService.NonExistentQueue</Code>"
        "<Message>The specified queue does not exist for this wsdl version.</Message><Detail/>",
    ),
    ErrorCase(
        errors.PurgeQueueInProgress("Only one PurgeQueue operation on orders is allowed every 60 seconds."),
        '{"__type":"com.amazonaws.sqs#PurgeQueueInProgress",'
        '"message":"Only one PurgeQueue operation on orders is allowed every 60 seconds."}',
        "AWS.SimpleQueueService.PurgeQueueInProgress;Sender",
        403,
        "<Type>Sender</Type><Code>AWS.SimpleQueueService.PurgeQueueInProgress</Code>"
        "<Message>Only one PurgeQueue operation on orders is allowed every 60 seconds.</Message><Detail/>",
    ),
    ErrorCase(
        errors.MissingParameter.named("MessageBody"),
        '{"__type":"com.amazon.coral.service#MissingRequiredParameterException",'
        '"message":"The request must contain the parameter MessageBody."}',
        "MissingParameter;Sender",
        400,
        "<Type>Sender</Type><Code>MissingParameter</Code>"
        "<Message>The request must contain the parameter MessageBody.</Message><Detail/>",
    ),
    ErrorCase(
        errors.ResourceNotFound("Task does not exist."),
        '{"__type":"com.amazonaws.sqs#ResourceNotFoundException","message":"Task does not exist."}',
        "ResourceNotFoundException;Sender",
        404,
        "<Type>Sender</Type><Code>ResourceNotFoundException</Code><Message>Task does not exist.</Message><Detail/>",
    ),
    ErrorCase(
        errors.ReceiptHandleIsInvalid('The input receipt handle "<\x01>" is not a valid receipt handle.'),
        '{"__type":"com.amazonaws.sqs#ReceiptHandleIsInvalid",'
        '"message":"The input receipt handle \\"<\\u0001>\\" is not a valid receipt handle."}',
        "ReceiptHandleIsInvalid;Sender",
        404,
        "<Type>Sender</Type><Code>ReceiptHandleIsInvalid</Code><Message>The input receipt handle "
        "&quot;&lt;\ufffd&gt;&quot; is not a valid receipt handle.</Message><Detail/>",
    ),
    ErrorCase(
        ApiError(),
        '{"__type":"com.amazon.coral.service#InternalFailure",'
        '"message":"We encountered an internal error. Please try again."}',
        "InternalFailure;Receiver",
        500,
        "<Type>Receiver</Type><Code>InternalFailure</Code>"
        "<Message>We encountered an internal error. Please try again.</Message><Detail/>",
    ),
]
