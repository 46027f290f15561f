"""The Order, Payment and Notification services, and what hosts them."""
