"""The local mailbox: a real SMTP server that keeps every mail in a file, and an HTTP side to read them."""
