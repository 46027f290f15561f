"""taskiq on the broker; run by test_python_clients.py inside the environment of the workers."""

import asyncio
import os

from taskiq_aio_sqs import SQSBroker

broker = SQSBroker(
    sqs_queue_name="taskiq-orders",
    endpoint_url=os.environ["AWS_ENDPOINT_URL"],
    region_name=os.environ["AWS_REGION"],
    wait_time_seconds=1,
)


@broker.task
async def pay(order: int) -> None:
    """Nothing: what counts is that the message travels."""


async def main() -> None:
    """Send five tasks and receive them as taskiq's worker does."""
    await broker.startup()
    for number in range(5):
        await pay.kiq(number)
    received = 0
    async for message in broker.listen():
        received += 1
        await message.ack()
        print(f"PAID {received}", flush=True)
        if received == 5:
            break
    await broker.shutdown()


asyncio.run(main())
