"""The tables and pictures of lifecycle.md, from the tables of transitions in the code."""

from collections.abc import Iterable, Mapping
from typing import Any

from docs.generators.markdown import code, table

from crossdock.broker.queues import message, move_task
from crossdock.services.notifications import model as notifications
from crossdock.services.orders import model as orders
from crossdock.services.payments import model as payments

Move = tuple[str, str, str]


def blocks() -> dict[str, str]:
    """The blocks of the page by name."""
    return {
        "message": _life(_moves(message.TRANSITIONS), begin=(message.VISIBLE, message.DELAYED)),
        "move task": _life(_moves(move_task.TRANSITIONS), begin=(move_task.Status.RUNNING,)),
        "order": _order(),
        "payment": _life(
            _moves(payments.TRANSITIONS), begin=(payments.PaymentState.AUTHORIZING, payments.PaymentState.CANCELLED)
        ),
        "notification": _life(
            _moves(notifications.TRANSITIONS),
            begin=(notifications.NotificationState.PENDING, notifications.NotificationState.SUPPRESSED),
        ),
    }


def _moves(transitions: Mapping[tuple[Any, Any], Any]) -> list[Move]:
    return [(str(state), str(event), str(getattr(to, "to", to))) for (state, event), to in transitions.items()]


def _life(moves: list[Move], begin: Iterable[Any]) -> str:
    """The picture and the table of one life; it ends where nothing leads away."""
    states = {to for _, _, to in moves} | {str(state) for state in begin}
    picture = _picture(moves, begin, ends=states - {state for state, _, _ in moves})
    return picture + table(
        ("from", "when", "to"), [(code(state), _words(event), code(to)) for state, event, to in moves]
    )


def _picture(moves: list[Move], begin: Iterable[Any], ends: Iterable[Any]) -> str:
    lines = [f"    [*] --> {_alias(state)}" for state in begin]
    lines += [f"    {_alias(state)} --> {_alias(to)}: {_words(event)}" for state, event, to in moves]
    lines += [f"    {_alias(state)} --> [*]" for state in sorted(ends)]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```", "", ""])


def _alias(state: Any) -> str:
    """A state's name as the picture can have it."""
    return str(state).replace(" ", "_")


def _words(event: Any) -> str:
    return str(event).replace("_", " ")


def _order() -> str:
    rows = [
        (code(state), _words(trigger), code(step.to), code(step.notice), "yes" if step.cancels else "")
        for (state, trigger), step in orders.TRANSITIONS.items()
    ]
    columns = ("from", "when", "to", "the customer is told", "payments is told to cancel")
    picture = _picture(_moves(orders.TRANSITIONS), (orders.OrderState.PENDING,), orders.END_STATES)
    return picture + table(columns, rows)
