"""The Order service: takes orders and follows them to their end."""
