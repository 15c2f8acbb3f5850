"""Conditions of indicators: boolean expressions over a closed list of facts."""

import ast
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias, get_args

from pydantic import AfterValidator

from paidan_contracts.validation_zh import LocalizedValueError

Fact = Literal[
    "current",  # this assignment is the case's last one, or it was never assigned: holds on one row of each case
    "voided",  # ended as 作废
    "not_accepted",  # ended as 不受理
    "filed",  # 立案: a catalogue row was chosen
    "dispatched",  # an order was issued in this assignment
    "accepted",  # the department accepted the order
    "handled",  # finished, and neither sent back for rework nor reopened since
    "limited",  # it has a deadline
    "on_time",  # handled, and the last finish is not later than the deadline
    "late",  # handled, and the last finish is later than the deadline
    "overdue",  # the deadline passed before it was handled, whether it has been handled since or not
    "accepted_late",  # accepted, or still not accepted, after the accept limit
    "closed",  # 结案, and not reopened since
    "force_closed",  # closed by decision
    "open",  # neither closed, nor voided, nor not accepted
    "reworked",  # failed an inspection in this assignment at least once: 返工
    "reopened",  # reopened after closing at least once
    "returned",  # the department returned this assignment: 退单
    "resent",  # redispatched from this department to another: 重派
    "rated",  # it has a rating, by the pack's rule over its reporters: one of the next three facts holds
    "satisfied",  # 满意
    "basically_satisfied",  # 基本满意
    "dissatisfied",  # 不满意
    "rated_raw",  # the same of all ratings as given, those judged unreasonable included, whatever the pack counts
    "satisfied_raw",
    "basically_satisfied_raw",
    "dissatisfied_raw",
    "exempt",  # an appeal was granted: it is left out of the statistics
    "recurring",  # opened soon after a case of the same kind and place was closed: 复发
    "repeated",  # more than one report was merged into it
    "urged",  # 催办 at least once
    "escalated",  # 督办: raised to a level of the city's ladder at least once
    "imported",  # it comes from an import
]
"""The facts of a case under one of its assignments, derived from the case's public state alone.

Scoring has one row for each assignment of a case (a case that was never assigned has one row without a department)
with the set of facts that hold. Facts about the case as a whole (``voided``, ``closed``, ``open``, ratings,
``exempt``, ``repeated``...) hold on its ``current`` row only, so that no sum counts a case twice.
"""

KNOWN_FACTS: Final[frozenset[str]] = frozenset(get_args(Fact))
_GRAMMAR: Final = "a condition is names of facts joined by and, or, not and brackets"
_GRAMMAR_ZH: Final = "条件由事实名称以 and、or、not 和括号连成"


@dataclass(frozen=True, slots=True)
class Holds:
    """The condition that one fact holds."""

    fact: str

    def evaluate(self, facts: Collection[str]) -> bool:
        """Return whether it holds for the facts of one row."""
        return self.fact in facts


@dataclass(frozen=True, slots=True)
class Not:
    """The negation of a condition."""

    condition: "Condition"

    def evaluate(self, facts: Collection[str]) -> bool:
        """Return whether it holds for the facts of one row."""
        return not self.condition.evaluate(facts)


@dataclass(frozen=True, slots=True)
class All:
    """The conjunction (and) of conditions."""

    conditions: tuple["Condition", ...]

    def evaluate(self, facts: Collection[str]) -> bool:
        """Return whether it holds for the facts of one row."""
        return all(condition.evaluate(facts) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class Some:
    """The disjunction (or) of conditions."""

    conditions: tuple["Condition", ...]

    def evaluate(self, facts: Collection[str]) -> bool:
        """Return whether it holds for the facts of one row."""
        return any(condition.evaluate(facts) for condition in self.conditions)


Condition: TypeAlias = Holds | Not | All | Some


class InvalidCondition(LocalizedValueError):
    """A condition is not an expression over known facts."""


def parse_condition(text: str) -> Condition:
    """Parse a condition such as ``dispatched and (handled or overdue) and not exempt``."""
    try:
        return _parse_node(ast.parse(text.strip(), mode="eval").body)
    except SyntaxError as error:
        raise InvalidCondition(f"{text!r} is invalid: {_GRAMMAR}", f"{text!r} 无效：{_GRAMMAR_ZH}") from error


def _parse_node(node: ast.expr) -> Condition:
    match node:
        case ast.Name(id=name) if name in KNOWN_FACTS:
            return Holds(name)
        case ast.Name(id=name):
            raise InvalidCondition(f"unknown fact {name!r}", f"未知的事实 {name!r}")
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return Not(_parse_node(operand))
        case ast.BoolOp(op=ast.And(), values=values):
            return All(tuple(_parse_node(value) for value in values))
        case ast.BoolOp(op=ast.Or(), values=values):
            return Some(tuple(_parse_node(value) for value in values))
        case _:
            raise InvalidCondition(_GRAMMAR, _GRAMMAR_ZH)


def _validate_condition(text: str) -> str:
    parse_condition(text)
    return text


ConditionText = Annotated[str, AfterValidator(_validate_condition)]
"""A condition as written in a pack; ``parse_condition`` parses it."""
