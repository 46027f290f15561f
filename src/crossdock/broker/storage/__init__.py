"""What makes facts durable and gives them back after a restart: a journal in front of SQLite."""
