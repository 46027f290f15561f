"""Dramatiq on the broker; run by test_python_clients.py inside the environment of the workers."""

import dramatiq
from dramatiq import Worker
from dramatiq_sqs import SQSBroker

broker = SQSBroker(namespace="dramatiq", tags={"owner": "tests"})
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name="orders")
def pay(order: int) -> None:
    """Say which order was paid."""
    print(f"PAID {order}", flush=True)


if __name__ == "__main__":
    for number in range(5):
        pay.send(number)
    worker = Worker(broker, worker_threads=2)
    worker.start()
    input()
    worker.stop()
