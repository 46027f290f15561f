"""Values of any shape, for property tests."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from crossdock.aws.shapes import Kind, ListOf, MapOf, Moment, Scalar, Shape, Structure, members

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\x0b\x0c\ufffe\uffff", exclude_categories=["Cc", "Cs"])
    | st.sampled_from("\t\n\r<>&\"'+%=. "),
    max_size=12,
)
"""What SQS lets a message hold; XML cannot write anything else."""

# Moments in quarters of a second: a float has those exactly, and clients round others each in its way.

Scalars = Mapping[type, st.SearchStrategy[Any]]

SCALARS: Scalars = {
    str: TEXTS,
    int: st.integers(-(10**17), 10**17),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    bytes: st.binary(max_size=12),
    Moment: st.integers(-4 * 10**9, 4 * 10**10).map(lambda quarters: quarters / 4),
}


def values(kind: Kind, scalars: Scalars = SCALARS) -> st.SearchStrategy[Any]:
    """Values of a kind, not empty: the Query protocol cannot tell an empty list, map or structure from an absent one."""
    match kind:
        case Scalar(scalar_type):
            return scalars[scalar_type]
        case Structure(shape):
            return shapes(shape, scalars).filter(lambda value: value != absent(shape)) if members(shape) else st.none()
        case ListOf(Structure(shape)) if not members(shape):
            return st.none()
        case ListOf(item):
            return st.lists(values(item, scalars), min_size=1, max_size=3)
        case MapOf(item):
            return st.dictionaries(TEXTS, values(item, scalars), min_size=1, max_size=3)


def shapes(shape: type[Shape], scalars: Scalars = SCALARS) -> st.SearchStrategy[Shape]:
    """Values of a structure, each optional member there or not."""
    drawn = {member: values(member.kind, scalars) for member in members(shape)}
    fields = {member.field: one if member.required else st.none() | one for member, one in drawn.items()}
    return st.fixed_dictionaries(fields).map(
        lambda given: shape(**{field: value for field, value in given.items() if value is not None})
    )


def absent(shape: type[Shape]) -> Shape:
    """A structure of which no member is there."""
    return shape(**{member.field: None for member in members(shape) if member.required})
