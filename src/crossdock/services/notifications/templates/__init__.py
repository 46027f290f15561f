"""The templates of notifications, as files; rendering.py fills them."""
