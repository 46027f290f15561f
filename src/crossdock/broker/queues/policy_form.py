"""The form of an access policy: what SQS takes for one. What a policy means is left to no one: it is stored and shown.

Source: IAM User Guide, "Grammar of the IAM JSON policy language"; what AWS refuses as an invalid value of the attribute Policy.
"""

VERSIONS = ("2008-10-17", "2012-10-17")

_PARTS = {"Version", "Id", "Statement"}
_STATEMENT_PARTS = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}


def statements_of(document: object) -> list[object] | None:
    """The statements of a policy; None when it is none."""
    if not isinstance(document, dict) or not document.keys() <= _PARTS:
        return None
    if document.get("Version", VERSIONS[0]) not in VERSIONS:
        return None
    statement = document.get("Statement")
    statements = statement if isinstance(statement, list) else [statement]
    return statements if statements and all(map(_is_statement, statements)) else None


def _is_statement(statement: object) -> bool:
    """Whether it says what is allowed or denied, and to what."""
    return (
        isinstance(statement, dict)
        and statement.keys() <= _STATEMENT_PARTS
        and statement.get("Effect") in ("Allow", "Deny")
        and _names_some(statement.get("Action", statement.get("NotAction")))
        and _names_some(statement.get("Resource", statement.get("NotResource")))
    )


def _names_some(value: object) -> bool:
    return isinstance(value, str | list)
