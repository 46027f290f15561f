"""The SQS-compatible server."""
