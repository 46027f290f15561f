"""Metric math: arithmetic over series.

    m1 / m2        IF(m1 > 100, 1, 0)        FILL(m1, 0) + FILL(m2, 0)        SUM([m1, m2])

A value is a number, a series (values by the beginning of their period), or a list of series. Two series are joined where both have a
value; a division by zero has none. Expressions are read with Python's own parser, and only what is listed here is taken from its tree.
Source: CloudWatch User Guide, "Using math expressions with CloudWatch metrics".
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence

from crossdock.aws.errors import ValidationError

Series = dict[int, float]

Value = float | Series | list[Series]

LENGTH_MAX = 2_048

_OPERATORS: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.And: lambda left, right: bool(left) and bool(right),
    ast.Or: lambda left, right: bool(left) or bool(right),
}

_OF_EACH: dict[str, Callable[[float], float]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}

_OF_MANY: dict[str, Callable[[Sequence[float]], float]] = {
    "SUM": math.fsum,
    "AVG": lambda values: math.fsum(values) / len(values),
    "MIN": min,
    "MAX": max,
}


def names(expression: str) -> set[str]:
    """The ids that an expression uses. ValidationError if it cannot be read."""
    return {node.id for node in ast.walk(_parse(expression)) if isinstance(node, ast.Name)} - _FUNCTIONS


def work(expression: str, series: Mapping[str, Series]) -> int:
    """Through how many values an expression goes, at most."""
    nodes = [node for node in ast.walk(_parse(expression)) if isinstance(node, ast.expr)]
    calls = sum(isinstance(node, ast.Name) and node.id == "METRICS" for node in nodes)
    lengths = [len(one) for one in series.values()]
    return len(nodes) * max(lengths, default=0) + 2 * calls * sum(lengths)


def evaluate(expression: str, series: Mapping[str, Series], metrics: Mapping[str, Series] | None = None) -> Series:
    """The values of an expression; `metrics` are what METRICS() stands for, if not all of `series`. ValidationError if it cannot be read or is no series."""
    try:
        value = _Evaluation(expression, series, series if metrics is None else metrics).of(_parse(expression))
    except RecursionError as error:
        raise ValidationError("The expression is nested too deeply.") from error
    except OverflowError as error:
        raise ValidationError(f"The expression {expression} has a number that is too large.") from error
    if not isinstance(value, dict):
        raise ValidationError(f"The expression {expression} must be one series.")
    return {at_s: float(number) for at_s, number in value.items()}


def _parse(expression: str) -> ast.expr:
    if len(expression) > LENGTH_MAX:
        raise ValidationError("The expression is too long.")
    spelled = expression.replace("&&", " and ").replace("||", " or ").replace("^", "**").strip()
    try:
        return ast.parse(spelled, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValidationError(f"The expression {expression} could not be read.") from error


class _Evaluation:
    def __init__(self, expression: str, series: Mapping[str, Series], metrics: Mapping[str, Series]) -> None:
        self._expression = expression
        self._series = series
        self._metrics = metrics

    def of(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool) and math.isfinite(
                number
            ):
                return float(number)
            case ast.Name(id=name) if name in self._series:
                return self._series[name]
            case ast.List(elts=items):
                return [self._as_series(item) for item in items]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._join(operator.sub, 0.0, self.of(operand))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return self._join(_OPERATORS[type(op)], self.of(left), self.of(right))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPERATORS:
                return self._join(_OPERATORS[type(op)], self.of(left), self.of(right))
            case ast.BoolOp(op=op, values=[first, *others]):
                value = self.of(first)
                for other in others:
                    value = self._join(_OPERATORS[type(op)], value, self.of(other))
                return value
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
                return self._call(name, arguments)
        raise self._unreadable()

    def _call(self, name: str, arguments: list[ast.expr]) -> Value:
        values = [self.of(argument) for argument in arguments]
        match name, values:
            case "METRICS", []:
                return list(self._metrics.values())
            case "FILL", [dict() as series, float() as number]:
                return self._filled(series, number)
            case "IF", [condition, chosen]:
                return self._chosen(condition, chosen, {})
            case "IF", [condition, chosen, other]:
                return self._chosen(condition, chosen, other)
            case _, [list() as many] if name in _OF_MANY:
                return _across(_OF_MANY[name], many)
            case _, [dict() as series] if name in _OF_MANY:
                constant = _number(_OF_MANY[name], list(series.values())) if series else None
                return {} if constant is None else dict.fromkeys(series, constant)
            case _, [dict() as series] if name in _OF_EACH:
                return {at_s: _OF_EACH[name](value) for at_s, value in series.items()}
        raise self._unreadable()

    def _as_series(self, node: ast.expr) -> Series:
        value = self.of(node)
        if not isinstance(value, dict):
            raise self._unreadable()
        return value

    def _join(self, function: Callable[[float, float], float], left: Value, right: Value) -> Value:
        if isinstance(left, list) or isinstance(right, list):
            raise self._unreadable()
        if isinstance(left, float) and isinstance(right, float):
            number = _number(function, left, right)
            if number is None:
                raise self._unreadable()
            return number
        return _known({at_s: _number(function, _at(left, at_s), _at(right, at_s)) for at_s in _moments(left, right)})

    def _chosen(self, condition: Value, chosen: Value, other: Value) -> Value:
        if not isinstance(condition, dict) or isinstance(chosen, list) or isinstance(other, list):
            raise self._unreadable()
        picked: Series = {}
        for at_s, holds in condition.items():
            value = chosen if holds else other
            if isinstance(value, float):
                picked[at_s] = value
            elif at_s in value:
                picked[at_s] = value[at_s]
        return picked

    def _filled(self, series: Series, number: float) -> Series:
        """With a value at each moment that any series has."""
        moments = {at_s for one in self._series.values() for at_s in one}
        return {at_s: series.get(at_s, number) for at_s in moments}

    def _unreadable(self) -> ValidationError:
        return ValidationError(f"The expression {self._expression} is not supported.")


_FUNCTIONS = {"METRICS", "FILL", "IF", *_OF_EACH, *_OF_MANY}


def _across(function: Callable[[Sequence[float]], float], many: list[Series]) -> Series:
    """One series of several: at each moment, of those that have a value."""
    moments = {at_s for series in many for at_s in series}
    return _known({at_s: _number(function, [series[at_s] for series in many if at_s in series]) for at_s in moments})


def _moments(left: float | Series, right: float | Series) -> set[int]:
    if isinstance(left, float):
        return set(right) if isinstance(right, dict) else set()
    return set(left) if isinstance(right, float) else left.keys() & right.keys()


def _at(value: float | Series, at_s: int) -> float:
    return value if isinstance(value, float) else value[at_s]


def _known(values: dict[int, float | None]) -> Series:
    return {at_s: value for at_s, value in values.items() if value is not None}


def _number(function: Callable[..., float], *arguments: float | Sequence[float]) -> float | None:
    """None where there is no result, as for a division by zero."""
    try:
        number = float(function(*arguments))
    except (ArithmeticError, ValueError):
        return None
    return number if math.isfinite(number) else None
