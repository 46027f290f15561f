"""`crossdock broker` with other storage settings than it is shipped with: python broker_with.py SETTINGS broker …

SETTINGS is JSON: sizes by the names of `StorageSettings`.
"""

import sys
from dataclasses import replace

import msgspec

from crossdock.broker import app
from crossdock.broker.settings import BrokerSettings
from crossdock.broker.storage.settings import StorageSettings
from crossdock.cli.main import main

shipped = app._storage_settings
changes = msgspec.json.decode(sys.argv.pop(1))


def changed(settings: BrokerSettings) -> StorageSettings:
    """The broker's settings with the changes."""
    return replace(shipped(settings), **changes)


app._storage_settings = changed
main()
