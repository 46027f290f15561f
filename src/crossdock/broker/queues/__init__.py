"""The queue machine: all that SQS promises about queues and messages, without I/O and without reading the clock."""
