"""The client side of the queues: works against this broker and against AWS alike."""
