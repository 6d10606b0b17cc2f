"""Interval arithmetic with dimensions: what a named formula over priced things comes to."""

import ast
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from cluster_sim.refusal import InputError

FORMULAS_KEPT = 4096
"""More than all profiles have: a study derives the same ones at each sample of the costs."""
FORMULA_LENGTH_MAX: Final = 600

Dimension = tuple[int, int]
"""Powers of bytes and of nanoseconds: a duration is (0, 1), a bandwidth (1, -1), a number (0, 0)."""

NUMBER: Final[Dimension] = (0, 0)
SIZE: Final[Dimension] = (1, 0)
DURATION: Final[Dimension] = (0, 1)
BANDWIDTH: Final[Dimension] = (1, -1)


class FormulaError(InputError):
    """A formula that cannot be read or does not come to an amount; whoever has it at hand says where it stands."""

    def __init__(self, found: str, allowed: str) -> None:
        super().__init__("", found, allowed)
        self.args = (found, allowed)


@dataclass(frozen=True, slots=True)
class Interval:
    """An amount in bytes and nanoseconds that lies between two ends."""

    low: float
    value: float
    high: float
    dimension: Dimension = NUMBER


@dataclass(frozen=True)
class Formula:
    """A formula that has been read: names with dots, numbers, + - * /, parentheses, min() and max()."""

    text: str
    tree: ast.expr

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names that the formula uses, each once, in order of appearance."""
        return tuple(dict.fromkeys(_names(self.tree)))

    @property
    def is_name(self) -> bool:
        """Whether the formula is nothing but one name."""
        return isinstance(self.tree, ast.Name | ast.Attribute)

    def evaluate(self, lookup: Callable[[str], Interval]) -> Interval:
        """Return what the formula comes to; the two ends hold however its amounts lie in theirs.

        Each use of a name may lie elsewhere in its interval, so that `a - a` is wider than 0: never too sure.
        """
        return _evaluate(self.tree, lookup)


@lru_cache(maxsize=FORMULAS_KEPT)
def parse_formula(text: str) -> Formula:
    """Read a formula, once; raises FormulaError with what is allowed."""
    if len(text) > FORMULA_LENGTH_MAX:
        raise FormulaError(f"{len(text)} characters", f"{FORMULA_LENGTH_MAX} at most")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        formula = Formula(text, tree)
        _check(tree)
    except (SyntaxError, ValueError, MemoryError) as error:
        raise FormulaError("no formula", "such as 2 * (a.b + c.d)") from error
    except RecursionError as error:
        raise FormulaError("a formula nested too deep", "fewer parts") from error
    return formula


def _check(node: ast.expr) -> None:
    """Raise FormulaError at the first part that a formula may not have."""
    match node:
        case ast.BinOp(left, ast.Add() | ast.Sub() | ast.Mult() | ast.Div(), right):
            _check(left)
            _check(right)
        case ast.Call(func=ast.Name("min" | "max"), args=[_, *_] as args, keywords=[]):
            for argument in args:
                _check(argument)
        case ast.Constant(int() | float() as number) if not isinstance(number, bool):
            _finite(number)
        case ast.Name() | ast.Attribute():
            _dotted(node)
        case _:
            raise FormulaError(repr(ast.unparse(node)), "names, numbers, + - * /, parentheses, min() and max()")


def _finite(number: float) -> float:
    try:
        amount = float(number)
    except OverflowError:
        amount = math.inf
    if not math.isfinite(amount):
        raise FormulaError("a number beyond all measure", "a finite one")
    return amount


def _dotted(node: ast.expr) -> str:
    """Return the name that a chain of attributes spells."""
    match node:
        case ast.Name(name):
            return name
        case ast.Attribute(owner, name):
            return f"{_dotted(owner)}.{name}"
        case _:
            raise FormulaError(repr(ast.unparse(node)), "a name such as exit.snp.vc_no_exit")


def _names(node: ast.expr) -> list[str]:
    match node:
        case ast.Name() | ast.Attribute():
            return [_dotted(node)]
        case ast.BinOp(left, _, right):
            return _names(left) + _names(right)
        case ast.Call(args=args):
            return [name for argument in args for name in _names(argument)]
        case _:
            return []


def _evaluate(node: ast.expr, lookup: Callable[[str], Interval]) -> Interval:
    match node:
        case ast.Constant(int() | float() as number):
            amount = _finite(number)
            return Interval(amount, amount, amount)
        case ast.Call(func=ast.Name(name), args=args):
            return _extreme(name, [_evaluate(argument, lookup) for argument in args])
        case ast.BinOp(left, sign, right):
            return _combine(_evaluate(left, lookup), sign, _evaluate(right, lookup))
        case _:
            return lookup(_dotted(node))


def _extreme(name: str, parts: list[Interval]) -> Interval:
    """Return the least or the greatest of like amounts, end by end."""
    if len({part.dimension for part in parts}) > 1:
        kinds = ", ".join(describe(part.dimension) for part in parts)
        raise FormulaError(f"{name}() of {kinds}", "amounts of one kind")
    choose = min if name == "min" else max
    low, value, high = (choose(getattr(part, end) for part in parts) for end in ("low", "value", "high"))
    return Interval(low, value, high, parts[0].dimension)


def _combine(left: Interval, sign: ast.operator, right: Interval) -> Interval:
    match sign:
        case ast.Add() | ast.Sub():
            if left.dimension != right.dimension:
                kinds = f"{describe(left.dimension)} and {describe(right.dimension)}"
                raise FormulaError(f"a sum of {kinds}", "amounts of one kind")
            return _spanned(left, operator.add if isinstance(sign, ast.Add) else operator.sub, right, 0)
        case ast.Mult():
            return _spanned(left, operator.mul, right, 1)
        case _:
            if right.low <= 0 <= right.high:
                raise FormulaError(f"a divisor between {right.low:g} and {right.high:g}", "one without 0")
            return _spanned(left, operator.truediv, right, -1)


def _spanned(left: Interval, combine: Callable[[float, float], float], right: Interval, power: int) -> Interval:
    """Return the interval of all combinations: its ends are among those of the ends."""
    try:
        ends = [combine(a, b) for a in (left.low, left.high) for b in (right.low, right.high)]
        value = combine(left.value, right.value)
    except OverflowError as error:
        raise FormulaError("an amount beyond all measure", "a finite one") from error
    if any(math.isnan(amount) for amount in (*ends, value)):
        raise FormulaError("inf - inf, 0 * inf or inf / inf", "an amount that is known")
    of_bytes, of_time = left.dimension
    dimension = of_bytes + power * right.dimension[0], of_time + power * right.dimension[1]
    return Interval(min(ends), value, max(ends), dimension)


def describe(dimension: Dimension) -> str:
    """Return a dimension in words."""
    names = {NUMBER: "a number", SIZE: "a size", DURATION: "a duration", BANDWIDTH: "a bandwidth"}
    return names.get(dimension, f"bytes^{dimension[0]} × ns^{dimension[1]}")
