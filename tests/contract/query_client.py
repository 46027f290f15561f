"""A client that speaks SQS's Query protocol with the methods of boto3, since boto3 itself has left that protocol behind.

It shares no code with the broker's codecs, so that the two check each other. Answers and errors have boto3's form.
"""

import base64
import http.client
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from botocore.exceptions import ClientError

LISTS = {
    "AttributeNames": "AttributeName",
    "MessageAttributeNames": "MessageAttributeName",
    "MessageSystemAttributeNames": "MessageSystemAttributeName",
    "TagKeys": "TagKey",
    "AWSAccountIds": "AWSAccountId",
    "Actions": "ActionName",
}
"""What a list is called in a form, one item at a time."""

MAPS = {
    "Attributes": ("Attribute", "Name", "Value"),
    "MessageAttributes": ("MessageAttribute", "Name", "Value"),
    "MessageSystemAttributes": ("MessageSystemAttribute", "Name", "Value"),
    "Tags": ("Tag", "Key", "Value"),
    "tags": ("Tag", "Key", "Value"),
}
"""What an entry of a map is called in a form, and its two halves."""

ANSWER_LISTS = {
    "Message": "Messages",
    "BatchResultErrorEntry": "Failed",
    "SendMessageBatchResultEntry": "Successful",
    "DeleteMessageBatchResultEntry": "Successful",
    "ChangeMessageVisibilityBatchResultEntry": "Successful",
    "ListMessageMoveTasksResultEntry": "Results",
}
ANSWER_MAPS = {"Attribute": "Attributes", "MessageAttribute": "MessageAttributes", "Tag": "Tags"}

PLAIN: dict[str, Callable[[str], Any]] = {
    "BinaryValue": base64.b64decode,
    "SenderFault": "true".__eq__,
    "ApproximateNumberOfMessagesMoved": int,
    "ApproximateNumberOfMessagesToMove": int,
    "MaxNumberOfMessagesPerSecond": int,
    "StartedTimestamp": int,
}
"""How texts of other types than string are read."""


class QueryClient:
    """A client of the broker at `url`; every action is a method, as in boto3."""

    def __init__(self, url: str, region: str = "us-east-1", access_key: str = "test") -> None:
        self._address = urlsplit(url).netloc
        self._credential = f"Credential={access_key}/20260101/{region}/sqs/aws4_request"

    def __getattr__(self, method: str) -> Callable[..., dict[str, Any]]:
        action = "".join(word.capitalize() for word in method.split("_"))
        return lambda **parameters: self.call(action, parameters)

    def call(self, action: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """One request; raises ClientError as boto3 does."""
        form = {"Action": action, "Version": "2012-11-05", **dict(fields(action, parameters))}
        status, headers, text = self.request("POST", "/", body=urlencode(form))
        root = ElementTree.fromstring(text)
        metadata = {"HTTPStatusCode": status, "HTTPHeaders": headers}
        if status >= 300:
            error = {child.tag: child.text for child in unqualified(root).iter() if child.tag in ERROR_PARTS}
            raise ClientError({"Error": error, "ResponseMetadata": metadata}, action)
        result = unqualified(root).find(f"{action}Result")
        return {**(read(result, action) if result is not None else {}), "ResponseMetadata": metadata}

    def request(
        self, method: str, target: str, body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], str]:
        """One bare HTTP request: status, headers in lower case, and body."""
        connection = http.client.HTTPConnection(self._address, timeout=60)
        try:
            signed = {"Authorization": f"AWS4-HMAC-SHA256 {self._credential}, SignedHeaders=host, Signature=0"}
            if body is not None:
                signed["Content-Type"] = "application/x-www-form-urlencoded"
            connection.request(method, target, body, {**signed, **(headers or {})})
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return response.status, names, response.read().decode()
        finally:
            connection.close()


ERROR_PARTS = {"Code", "Message", "Type", "Detail"}


def fields(action: str, parameters: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The form fields of parameters as boto3 takes them."""
    for name, value in parameters.items():
        if name == "Entries":
            for number, entry in enumerate(value, start=1):
                yield from fields(action, entry, f"{prefix}{action}RequestEntry.{number}.")
        elif name in LISTS:
            for number, item in enumerate(value, start=1):
                yield f"{prefix}{LISTS[name]}.{number}", item
        elif name in MAPS:
            entry_name, key_name, value_name = MAPS[name]
            for number, (key, item) in enumerate(value.items(), start=1):
                yield f"{prefix}{entry_name}.{number}.{key_name}", key
                if isinstance(item, str):
                    yield f"{prefix}{entry_name}.{number}.{value_name}", item
                else:
                    yield from fields(action, item, f"{prefix}{entry_name}.{number}.{value_name}.")
        else:
            yield f"{prefix}{name}", base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def unqualified(root: Element) -> Element:
    """The tree with its namespace taken off every tag."""
    for element in root.iter():
        element.tag = re.sub(r"^\{.*\}", "", element.tag)
    return root


def read(element: Element, action: str) -> dict[str, Any]:
    """An answer in boto3's form."""
    answer: dict[str, Any] = {}
    for child in element:
        if child.tag == "QueueUrl" and action.startswith("List"):
            answer.setdefault("queueUrls" if "DeadLetter" in action else "QueueUrls", []).append(child.text or "")
        elif child.tag in ANSWER_LISTS and len(child):
            answer.setdefault(ANSWER_LISTS[child.tag], []).append(read(child, action))
        elif child.tag in ANSWER_MAPS:
            key, value = child
            read_value = read(value, action) if len(value) else (value.text or "")
            answer.setdefault(ANSWER_MAPS[child.tag], {})[key.text or ""] = read_value
        else:
            answer[child.tag] = PLAIN.get(child.tag, str)(child.text or "")
    return answer
