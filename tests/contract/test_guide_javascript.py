"""The guide's own JavaScript, extracted from it when the test runs, on the AWS SDK for JavaScript v2."""

import json
import os
import signal
import subprocess
from pathlib import Path

import guide
import pytest
from broker_process import BrokerProcess

pytestmark = pytest.mark.contract

ORDER_MODEL = "const Order = { create: async (data) => ({ id: 'ord_123456', ...data }) };\n"
SEND_ONE = "\ncreateOrder({ userId: 'user_789', items: [{ productId: 'prod_001', quantity: 2, price: 29.99 }], totalAmount: 59.98 });\n"
PAYMENT_SERVICE = (
    "module.exports = { processOrderPayment: async (order) => console.log('PAID ' + JSON.stringify(order)) };\n"
)


def run_node(script: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a script to its end."""
    return subprocess.run(["node", str(script)], env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def project(tmp_path: Path, node_modules: Path) -> Path:
    """A folder laid out as the guide's services are, with the SDK in reach."""
    (tmp_path / "node_modules").symlink_to(node_modules)
    for folder in ("workers", "services"):
        (tmp_path / "src" / folder).mkdir(parents=True)
    return tmp_path


def test_the_order_service_sends_and_the_payment_worker_pays(broker: BrokerProcess, project: Path) -> None:
    """createOrder() puts the guide's message on the queue; the worker's loop receives it, pays, and deletes it."""
    queue_url = broker.client().create_queue(QueueName="guide-javascript-orders")["QueueUrl"]
    environment = broker.environment(ORDER_QUEUE_URL=queue_url)
    sender = project / "src" / "services" / "orderService.js"
    sender.write_text(ORDER_MODEL + guide.block("javascript", "async function createOrder") + SEND_ONE)
    (project / "src" / "services" / "paymentService.js").write_text(PAYMENT_SERVICE)
    worker = project / "src" / "workers" / "orderQueueWorker.js"
    worker.write_text(guide.block("javascript", "async function pollMessages"))

    sent = run_node(sender, environment)
    assert sent.returncode == 0, sent.stderr
    process = subprocess.Popen(
        ["node", str(worker)], env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        paid = process.stdout.readline()
        assert process.stdout.readline() == "Processed order: ord_123456\n"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    order = json.loads(paid.removeprefix("PAID "))
    assert order["totalAmount"] == 59.98
    assert order["userId"] == "user_789"
    counts = broker.client().get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == counts["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_test_sqs_js_runs_as_it_stands(broker: BrokerProcess, project: Path) -> None:
    """The guide's test-sqs.js sends a message and receives it."""
    queue_url = broker.client().create_queue(QueueName="guide-javascript-test")["QueueUrl"]
    script = project / "test-sqs.js"
    script.write_text(guide.block("javascript", "async function testSQS"))
    result = run_node(script, broker.environment(ORDER_QUEUE_URL=queue_url))
    assert result.returncode == 0, result.stderr
    assert "Message sent" in result.stdout
    assert "Message received: [" in result.stdout
    assert '{"test":"message"}' in result.stdout
