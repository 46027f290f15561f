"""Metrics and alarms of CloudWatch: a machine beside the queues', without I/O and without a clock."""
