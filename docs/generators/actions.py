"""reference/actions.md: the actions of SQS, with what goes in, what comes out, and how it is refused."""

from collections.abc import Iterator

from docs.generators.markdown import NOTICE, code, table
from docs.generators.raised import errors_of
from docs.generators.source import described, sentence, with_limits

from crossdock.aws.api import sqs
from crossdock.aws.shapes import Kind, ListOf, MapOf, Member, Operation, Scalar, Shape, Structure, members

HEAD = """# Actions

All {count} actions of SQS (API version {version}). How they travel is told in [the wire](../wire.md), what each error means in
[errors](errors.md), every limit in [quotas](quotas.md). Source: `src/crossdock/aws/api/sqs.py`.

In JSON a member has the name in the first column. In the Query protocol it has that of the second: `N` counts from 1, a map has a key and
a value for each N, a structure inside has its members after a dot (`Entry.1.Id`). A member that is not required may be left out.

Any request may also be refused with [what all services share](errors.md#common-to-all-services). An action on a queue that does not exist
is refused with QueueDoesNotExist before anything else is looked at. Of the errors of a batch some fail an entry and not the call.

"""

ACCOUNT_LEVEL = "\nIn the Query protocol it goes to `/`, not to the path of a queue.\n"

TYPES = {str: "string", int: "integer", bool: "boolean", bytes: "blob", float: "number"}


def page() -> str:
    """The whole page."""
    operations = sqs.OPERATIONS
    head = HEAD.format(count=len(operations), version=sqs.SERVICE.version)
    contents = " · ".join(f"[{name}](#{name.lower()})" for name in operations)
    shared = {shape: None for one in operations.values() for shape in _inner(one)}
    return (
        f"{NOTICE}{head}{contents}\n"
        + "".join(_action(operation) for operation in operations.values())
        + "\n# Structures\n"
        + "".join(_structure(shape) for shape in shared)
    )


def _action(operation: Operation) -> str:
    text = f"\n## {operation.name}\n\n{with_limits(sentence(operation.input))}\n"
    if operation.account_level:
        text += ACCOUNT_LEVEL
    text += f"\n{_members(operation.input, 'request')}"
    text += f"\n{_members(operation.output, 'answer')}" if operation.output else "\nThe answer is empty.\n"
    names = sorted((error.shape for error in errors_of(operation.input)), key=str.lower)
    links = ", ".join(f"[{name}](errors.md#{name.lower()})" for name in names)
    return f"{text}\nErrors: {links}\n"


def _structure(shape: type[Shape]) -> str:
    return f"\n## {shape.__name__}\n\n{with_limits(sentence(shape))}\n\n{_members(shape, 'member')}".replace(
        "\n\n\n", "\n"
    )


def _members(shape: type[Shape], first_column: str) -> str:
    texts = described(shape)
    rows = [
        (code(one.name), code(_query(one)), _type(one.kind), "yes" if one.required else "", _text(one, texts))
        for one in members(shape)
    ]
    required = "always" if first_column == "answer" else "required"
    return table((first_column, "in Query", "type", required, "what"), rows)


def _text(member: Member, own: dict[str, str]) -> str:
    """The member's own description, or the first that the module has for its name."""
    return with_limits(own.get(member.field) or _first_described().get(member.field, ""))


def _first_described() -> dict[str, str]:
    found: dict[str, str] = {}
    for shape in vars(sqs).values():
        if isinstance(shape, type) and issubclass(shape, Shape) and shape is not Shape:
            found = {**described(shape), **found}
    return found


def _query(member: Member) -> str:
    match member.kind:
        case ListOf():
            return f"{member.query_name}.N"
        case MapOf(_, query):
            return f"{query.name}.N.{query.key}, .{query.value}"
    return member.query_name


def _type(kind: Kind) -> str:
    match kind:
        case Scalar(scalar):
            return TYPES[scalar]
        case Structure(shape):
            return f"[{shape.__name__}](#{shape.__name__.lower()})"
        case ListOf(item):
            return f"list of {_type(item)}"
        case MapOf(value):
            return f"map to {_type(value)}"


def _inner(operation: Operation) -> Iterator[type[Shape]]:
    """The structures inside an action's request and answer, all the way down."""
    for shape in (operation.input, operation.output):
        yield from _below(shape) if shape else ()


def _below(shape: type[Shape]) -> Iterator[type[Shape]]:
    for member in members(shape):
        kind = member.kind
        while isinstance(kind, ListOf | MapOf):
            kind = kind.item if isinstance(kind, ListOf) else kind.value
        if isinstance(kind, Structure):
            yield kind.shape
            yield from _below(kind.shape)
