"""A Celery app on the broker; run by test_python_clients.py inside the environment of the workers."""

import os
import sys

from celery import Celery

app = Celery("orders", broker="sqs://test:test@")
app.conf.broker_transport_options = {
    "region": os.environ["AWS_REGION"],
    "wait_time_seconds": 1,
    "predefined_queues": {
        "celery-orders": {"url": os.environ["QUEUE_URL"], "access_key_id": "test", "secret_access_key": "test"}
    },
}
app.conf.task_default_queue = "celery-orders"
app.conf.worker_enable_remote_control = False


@app.task(name="pay")
def pay(order: int) -> None:
    """Say which order was paid."""
    print(f"PAID {order}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    for number in range(5):
        pay.delay(number)
