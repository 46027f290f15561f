"""What a broker acknowledged is there after kill -9; what it cannot understand it refuses, and goes on."""

import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from broker_process import BrokerProcess, start_broker

pytestmark = pytest.mark.journey

MIB = 1024 * 1024


def test_acknowledged_messages_survive_a_kill(tmp_path: Path) -> None:
    """100 messages acknowledged, kill -9, restart: 100 messages; FIFO order, dedup memory and acknowledged deletes are intact."""
    process, url = start_broker(tmp_path / "data")
    sqs = BrokerProcess(url, process.pid).client()
    plain = sqs.create_queue(QueueName="plain")["QueueUrl"]
    fifo = sqs.create_queue(QueueName="ordered.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for number in range(100):
        sqs.send_message(QueueUrl=plain, MessageBody=f"message {number}")
        sqs.send_message(
            QueueUrl=fifo, MessageBody=str(number), MessageGroupId=f"g{number % 2}", MessageDeduplicationId=str(number)
        )
    first = sqs.receive_message(QueueUrl=fifo)["Messages"][0]
    sqs.delete_message(QueueUrl=fifo, ReceiptHandle=first["ReceiptHandle"])
    process.send_signal(signal.SIGKILL)
    process.wait()

    process, url = start_broker(tmp_path / "data")
    sqs = BrokerProcess(url, process.pid).client()
    plain = sqs.get_queue_url(QueueName="plain")["QueueUrl"]
    fifo = sqs.get_queue_url(QueueName="ordered.fifo")["QueueUrl"]
    sqs.send_message(QueueUrl=fifo, MessageBody="7", MessageGroupId="g1", MessageDeduplicationId="7")
    bodies: list[str] = []
    while messages := sqs.receive_message(QueueUrl=plain, MaxNumberOfMessages=10).get("Messages"):
        bodies += [message["Body"] for message in messages]
    assert sorted(bodies) == sorted(f"message {number}" for number in range(100))
    groups: dict[str, list[int]] = {"g0": [], "g1": []}
    while messages := sqs.receive_message(
        QueueUrl=fifo, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
    ).get("Messages"):
        for message in messages:
            groups[message["Attributes"]["MessageGroupId"]].append(int(message["Body"]))
            sqs.delete_message(QueueUrl=fifo, ReceiptHandle=message["ReceiptHandle"])
    assert groups == {"g0": list(range(2, 100, 2)), "g1": list(range(1, 100, 2))}
    process.terminate()
    assert process.wait(timeout=60) == 0


def test_what_is_no_request_is_refused(tmp_path: Path) -> None:
    """Malformed JSON, wrong types, unknown actions and queues, 2 MiB bodies, garbage on the port: AWS's error, never a 500; then it serves on."""
    process, url = start_broker(tmp_path / "data")
    queue = BrokerProcess(url, process.pid).client().create_queue(QueueName="here")["QueueUrl"]
    there = f'"QueueUrl": "{queue}"'.encode()
    cases = [
        ("SendMessage", b"{", 400, "SerializationException"),
        ("SendMessage", b'{"QueueUrl": 5}', 400, ""),
        ("SendMessage", b"{%b}" % there, 400, "MissingRequiredParameterException"),
        ("Brew", b"{}", 400, "UnknownOperationException"),
        ("SendMessage", b'{"QueueUrl": "nowhere", "MessageBody": "x"}', 400, "QueueDoesNotExist"),
        (
            "SendMessage",
            b'{%b, "MessageBody": "%b"}' % (there, b"x" * (2 * MIB)),
            400,
            "InvalidParameterValueException",
        ),
        ("SetQueueAttributes", b'{%b, "Attributes": {"Colour": "red"}}' % there, 400, "InvalidAttributeName"),
    ]
    for action, body, status, shape in cases:
        headers = {"X-Amz-Target": f"AmazonSQS.{action}", "Content-Type": "application/x-amz-json-1.0"}
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(url, body, headers))
        assert refused.value.code == status
        assert shape in refused.value.read().decode()
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as garbage:
        garbage.sendall(b"\x16\x03\x01\x00garbage\r\n\r\n")
        assert garbage.recv(4096).startswith(b"HTTP/1.1 400")
    counts = BrokerProcess(url, process.pid).client().get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])
    assert counts["Attributes"]["ApproximateNumberOfMessages"] == "0"
    process.terminate()
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    assert process.wait(timeout=60) == 0
