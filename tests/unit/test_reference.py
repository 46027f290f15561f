"""The reference pages say what the code says, and leave nothing out."""

import dataclasses
import re

import botocore.session
import pytest
from docs.generate import documents
from docs.generators.actions import page as actions_page
from docs.generators.cli import commands, options_of
from docs.generators.markdown import filled, table
from docs.generators.raised import errors_of
from docs.generators.source import described, with_limits

from crossdock.aws import errors, quotas
from crossdock.aws.api import sqs
from crossdock.broker import server_settings
from crossdock.broker.queues.attributes import LIVE, SETTABLE
from crossdock.broker.queues.settings import MachineSettings
from crossdock.broker.settings import BrokerSettings
from crossdock.broker.storage.settings import StorageSettings
from crossdock.services import settings

GENERATED = list(documents())

NEVER = {"InvalidAddress", "InvalidSecurity", "RequestThrottled", "MessageNotInflight"}
"""Errors of AWS's model that the broker has no occasion for, as reference/errors.md says of each."""

UNUSED = {"SetQueueAttributes": {"OverLimit"}}
"""Errors that AWS's model gives to an action and the broker does not, beside those of KMS and UnsupportedOperation."""


@pytest.mark.parametrize(("path", "text"), GENERATED, ids=[path.name for path, _ in GENERATED])
def test_pages_are_up_to_date(path, text) -> None:
    """What is checked in is what `make docs` writes."""
    assert path.read_text() == text, f"{path.name} is out of date: run `make docs`"


def test_every_action_and_member_is_described() -> None:
    """No row of the actions page ends empty, and each action begins with a sentence."""
    page = actions_page()
    assert re.findall(r"^\| .*\|  \|$", page, re.MULTILINE) == []
    for name in sqs.OPERATIONS:
        assert re.search(rf"^## {name}\n\n[A-Z].*\.$", page, re.MULTILINE), name


def test_every_limit_is_described() -> None:
    """Each of AWS's limits has a text of its own."""
    names = {name for name in vars(quotas) if name.isupper()}
    assert names == described(quotas).keys()


def test_every_queue_attribute_is_described() -> None:
    """The attributes that the broker knows are those that have a meaning."""
    assert sqs.QUEUE_ATTRIBUTES.keys() == {*SETTABLE, *LIVE}


def test_every_option_has_a_text() -> None:
    """`--help` explains each option of each command, and offers nothing that is not crossdock's."""
    options = [(path, one.opts[0], one.help) for path, command in commands() for one in options_of(command)]
    assert [(path, flag) for path, flag, text in options if not text] == []
    assert not [flag for _, flag, _ in options if "completion" in flag]


@pytest.mark.parametrize(
    "kind",
    [
        settings.ServerSettings,
        settings.ServiceSettings,
        settings.OrdersSettings,
        settings.PaymentsSettings,
        settings.NotificationsSettings,
        settings.ProviderSettings,
        settings.MailboxSettings,
        BrokerSettings,
        server_settings.ServerSettings,
        MachineSettings,
        StorageSettings,
    ],
)
def test_every_setting_is_described(kind) -> None:
    """A setting has a text where it is declared, in its class or above; one of the broker's at the latest in `--help`."""
    told = {name for parent in kind.__mro__[:-1] for name in described(parent)}
    if kind is BrokerSettings:
        told |= {option.name for option in options_of(dict(commands())["crossdock broker"])}
    if kind is server_settings.ServerSettings:
        told |= {field.name for field in dataclasses.fields(BrokerSettings)} | {"tls"}
    assert {field.name for field in dataclasses.fields(kind)} - told == set()


@pytest.mark.parametrize("name", sqs.OPERATIONS)
def test_errors_of_an_action_are_those_of_the_model(name: str) -> None:
    """Every error that AWS's service model gives to an action is found in its code, but for those that have no occasion here."""
    model = botocore.session.get_session().get_service_model("sqs").operation_model(name)
    known = {error.name.removesuffix("Exception") for error in model.error_shapes if not error.name.startswith("Kms")}
    known -= NEVER | UNUSED.get(name, set()) | {"UnsupportedOperation", "InvalidIdFormat"}
    assert known <= {error.__name__ for error in errors_of(sqs.OPERATIONS[name].input)}


def test_no_error_is_given_to_an_action_that_cannot_meet_it() -> None:
    """A few actions whose errors are known from their code, all of them."""
    assert errors_of(sqs.ListQueueTags) == {errors.QueueDoesNotExist}
    assert errors_of(sqs.PurgeQueue) == {errors.QueueDoesNotExist, errors.PurgeQueueInProgress}
    assert errors_of(sqs.GetQueueUrl) == {errors.QueueDoesNotExist, errors.InvalidParameterValue}


def test_limits_stand_in_texts_by_their_names() -> None:
    """A name of a limit becomes its number, a range is from the lowest to the highest."""
    assert with_limits("at most TAGS_MAX; DELAY_SECONDS.") == "at most 50; 0 to 900."


def test_blocks_are_filled_and_none_is_forgotten() -> None:
    """Text around a block stays; a block without a writer and a writer without a block are errors."""
    page = "a\n<!-- generated: x -->\nold\n<!-- end -->\nb\n"
    assert filled(page, {"x": "new"}) == "a\n<!-- generated: x -->\n\nnew\n<!-- end -->\nb\n"
    with pytest.raises(ValueError, match="no block"):
        filled(page, {"x": "new", "y": "z"})
    with pytest.raises(KeyError):
        filled(page, {})


def test_cells_cannot_break_a_table() -> None:
    """A bar is escaped and a line break becomes a space."""
    assert table(("a",), [("b|c\nd",)]) == "| a |\n| --- |\n| b\\|c d |\n"
