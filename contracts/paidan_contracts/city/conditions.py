"""The closed list of facts that indicators may speak of, and the small language in which they do."""

import ast
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias, get_args

from pydantic import AfterValidator

Fact = Literal[
    "current",  # this assignment is the case's last one, or the case was never assigned: true of one row a case
    "voided",  # ended as 作废
    "not_accepted",  # ended as 不受理
    "filed",  # 立案: a catalogue row was chosen
    "dispatched",  # an order was issued in this assignment
    "accepted",  # the department took the order
    "handled",  # finished, and the last finish stands: it was not sent back for rework or reopened since
    "limited",  # it has a deadline
    "on_time",  # handled, and the last finish is not later than the deadline
    "late",  # handled, and the last finish is later than the deadline
    "overdue",  # the deadline passed before it was handled, whether it has been handled since or not
    "accepted_late",  # taken, or still not taken, after the accept limit
    "closed",  # 结案, and not open again since
    "force_closed",  # closed by decision
    "open",  # neither closed, nor voided, nor not accepted
    "reworked",  # failed an inspection in this assignment at least once: 返工
    "reopened",  # opened again after closing at least once
    "returned",  # the department returned this assignment: 退单
    "resent",  # taken from this department and given to another one: 重派
    "rated",  # called back, with an answer: one of the next three holds
    "satisfied",  # 满意
    "basically_satisfied",  # 基本满意
    "dissatisfied",  # 不满意
    "exempt",  # an appeal was granted: it leaves the statistics, the raw fact stays
    "recurring",  # opened soon after a case of the same kind and place was closed: 复发
    "repeated",  # more than one report was merged into it
    "urged",  # 催办 at least once
    "imported",  # it comes from an imported past
]
"""What can be true of a case under one of its assignments, read from the case's public state and nothing else.

Scoring makes one row per case and assignment (a case that was never assigned has one row without a department) and
puts down for each row the set of facts that hold. Facts about the case as a whole (``voided``, ``closed``, ``open``,
ratings, ``exempt``, ``repeated``...) hold on its ``current`` row alone, so that no sum counts a case twice.
"""

KNOWN_FACTS: Final[frozenset[str]] = frozenset(get_args(Fact))


@dataclass(frozen=True, slots=True)
class Holds:
    """One fact."""

    fact: str

    def evaluate(self, facts: Collection[str]) -> bool:
        """Judge the facts of one row."""
        return self.fact in facts


@dataclass(frozen=True, slots=True)
class Not:
    """What must not hold."""

    condition: "Condition"

    def evaluate(self, facts: Collection[str]) -> bool:
        """Judge the facts of one row."""
        return not self.condition.evaluate(facts)


@dataclass(frozen=True, slots=True)
class All:
    """What must hold together; of nothing at all it is true."""

    conditions: tuple["Condition", ...]

    def evaluate(self, facts: Collection[str]) -> bool:
        """Judge the facts of one row."""
        return all(condition.evaluate(facts) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class Some:
    """What must hold in part."""

    conditions: tuple["Condition", ...]

    def evaluate(self, facts: Collection[str]) -> bool:
        """Judge the facts of one row."""
        return any(condition.evaluate(facts) for condition in self.conditions)


Condition: TypeAlias = Holds | Not | All | Some


class InvalidCondition(ValueError):
    """A condition is names of facts joined by `and`, `or`, `not` and brackets."""


def parse_condition(text: str) -> Condition:
    """Read a condition such as ``dispatched and (handled or overdue) and not exempt``."""
    try:
        return _parse_node(ast.parse(text.strip(), mode="eval").body)
    except SyntaxError as error:
        raise InvalidCondition(f"{text!r} cannot be read: {InvalidCondition.__doc__}") from error


def _parse_node(node: ast.expr) -> Condition:
    match node:
        case ast.Name(id=name) if name in KNOWN_FACTS:
            return Holds(name)
        case ast.Name(id=name):
            raise InvalidCondition(f"unknown fact {name!r}")
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return Not(_parse_node(operand))
        case ast.BoolOp(op=ast.And(), values=values):
            return All(tuple(_parse_node(value) for value in values))
        case ast.BoolOp(op=ast.Or(), values=values):
            return Some(tuple(_parse_node(value) for value in values))
        case _:
            raise InvalidCondition(str(InvalidCondition.__doc__))


def _validate_condition(text: str) -> str:
    parse_condition(text)
    return text


ConditionText = Annotated[str, AfterValidator(_validate_condition)]
"""A condition as it stands in a pack; ``condition()`` reads it."""
