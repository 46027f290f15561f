"""JavaScript clients: the AWS SDK v2 and v3, sqs-consumer and sqs-producer."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from broker_process import BrokerProcess

pytestmark = pytest.mark.contract


@pytest.fixture
def node(broker: BrokerProcess, node_modules: Path) -> Any:
    """Run one of the scripts beside the clients and read the JSON that it prints."""

    def run(script: str) -> Any:
        path = node_modules.parent / script
        result = subprocess.run(
            ["node", str(path)], env=broker.environment(), capture_output=True, text=True, timeout=120
        )
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    return run


def test_sdk_v3_lives_through_a_message(node: Any) -> None:
    """The SDK v3 checks every MD5 itself; bodies, attributes, batches, tags and errors come back as from AWS."""
    assert node("sdk_v3.mjs") == {
        "sent": True,
        "body": 'grüße ✓ \r\n "quoted"',
        "binary": [0, 255],
        "count": "1",
        "batch": {"ok": 1, "failed": ["InvalidMessageContents"]},
        "deleted": 1,
        "listed": 1,
        "tags": {"team": "orders", "stage": "test"},
        "visibility": "30",
        "missing": {"name": "QueueDoesNotExist", "status": 400},
    }


def test_sdk_v2_uses_the_queue_url_as_its_endpoint(node: Any) -> None:
    """The SDK v2 posts JSON to the queue's own URL; FIFO order, deduplication and the legacy error code are AWS's."""
    assert node("sdk_v2.cjs") == {
        "duplicate": True,
        "bodies": ["one", "two", "three"],
        "groups": ["g", "g", "h"],
        "ordered": True,
        "empty": True,
        "missing": "AWS.SimpleQueueService.NonExistentQueue",
    }


def test_sqs_consumer_handles_what_sqs_producer_sends(node: Any) -> None:
    """Twenty messages sent in batches are each handled once."""
    assert sorted(node("consumer_producer.mjs")["handled"]) == sorted(f"body {i}" for i in range(20))
