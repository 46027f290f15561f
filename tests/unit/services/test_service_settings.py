"""Settings: flags before environment before defaults, each checked."""

from pathlib import Path
from typing import Any

import pytest

from crossdock.services.settings import (
    NotificationsSettings,
    OrdersSettings,
    PaymentsSettings,
    Role,
    SettingsError,
    read,
)


def test_precedence() -> None:
    """What is given wins over the environment, which wins over the default."""
    environment = {"CROSSDOCK_PORT": "1", "CROSSDOCK_HOST": "::1", "CROSSDOCK_ROLE": "worker", "PORT": "9"}
    settings = read(OrdersSettings, environment, data="d", port=2, host=None)
    assert settings == OrdersSettings(data=Path("d"), port=2, host="::1", role=Role.WORKER)


def test_texts_become_values() -> None:
    """Numbers, truth values and paths are read from text."""
    environment = {"CROSSDOCK_SMTP_STARTTLS": "true", "CROSSDOCK_DATA": "d"}
    assert read(NotificationsSettings, environment).smtp_starttls is True
    assert read(PaymentsSettings, {"CROSSDOCK_GATEWAY_TIMEOUT_S": "0.5"}, data=Path("d")).gateway_timeout_s == 0.5


@pytest.mark.parametrize(
    ("environment", "given", "word"),
    [
        ({"CROSSDOCK_PORT": "many"}, {"data": "d"}, "port"),
        ({}, {"data": "d", "port": 65_536}, "port"),
        ({"CROSSDOCK_ROLE": "boss"}, {"data": "d"}, "role"),
        ({}, {}, "data"),
        ({}, {"data": "d", "colour": "red"}, "colour"),
    ],
)
def test_nonsense_is_named(environment: dict[str, str], given: dict[str, Any], word: str) -> None:
    """A setting that cannot be understood is an error that names it."""
    with pytest.raises(SettingsError, match=word):
        read(OrdersSettings, environment, **given)
