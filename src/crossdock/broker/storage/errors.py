"""What can go wrong with storage, as types. Every text is one sentence for the person who operates the broker."""


class StorageError(Exception):
    """The data folder cannot be opened: missing rights, in use, of a newer format, or damaged. Nothing was changed."""


class StorageFailed(Exception):
    """A write did not reach the disk. The store accepts nothing more; opening it again rebuilds what was acknowledged."""
