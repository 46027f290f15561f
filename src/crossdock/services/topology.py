"""The queues of the platform: one per event stream and consuming service, with the guide's names and attributes.

The guide lets two services consume the payment queue; on SQS they would steal each other's messages, so the notification service has a
queue of its own and each payment event is sent to both. Where the guide fixes maxReceiveCount (3) it is kept; where it does not, it lies
well above the attempts that a handler gets, because it also counts deliveries that were only handed back.
"""

from typing import Final

from crossdock.messaging import DeadLetterQueue, Queue, Topology

ORDER_QUEUE: Final = "ecommerce-order-queue"
PAYMENT_QUEUE: Final = "ecommerce-payment-queue.fifo"
PAYMENT_NOTIFICATION_QUEUE: Final = "ecommerce-payment-notification-queue.fifo"
NOTIFICATION_QUEUE: Final = "ecommerce-notification-queue"
DEAD_LETTERS: Final = "ecommerce-dlq"
DEAD_LETTERS_FIFO: Final = "ecommerce-dlq.fifo"

TOPOLOGY: Final = Topology(
    queues=[
        Queue(
            name=ORDER_QUEUE,
            consumer="payments",
            visibility_timeout_s=300,
            max_receive_count=3,
            dead_letter=DEAD_LETTERS,
        ),
        Queue(
            name=PAYMENT_QUEUE,
            consumer="orders",
            visibility_timeout_s=300,
            max_receive_count=3,
            dead_letter=DEAD_LETTERS_FIFO,
            fifo=True,
            content_based_deduplication=True,
        ),
        Queue(
            name=PAYMENT_NOTIFICATION_QUEUE,
            consumer="notifications",
            visibility_timeout_s=60,
            max_receive_count=10,
            dead_letter=DEAD_LETTERS_FIFO,
            fifo=True,
            content_based_deduplication=True,
        ),
        Queue(
            name=NOTIFICATION_QUEUE,
            consumer="notifications",
            visibility_timeout_s=60,
            max_receive_count=3,
            dead_letter=DEAD_LETTERS,
        ),
    ],
    dead_letters=[DeadLetterQueue(name=DEAD_LETTERS), DeadLetterQueue(name=DEAD_LETTERS_FIFO, fifo=True)],
    routes={
        "ORDER_CREATED": (ORDER_QUEUE,),
        "ORDER_CANCELLED": (ORDER_QUEUE,),
        "PAYMENT_PROCESSED": (PAYMENT_QUEUE, PAYMENT_NOTIFICATION_QUEUE),
        "PAYMENT_REFUNDED": (PAYMENT_QUEUE, PAYMENT_NOTIFICATION_QUEUE),
        "NOTIFICATION": (NOTIFICATION_QUEUE,),
    },
)
