"""How a bug is planted: a transition gives another state, or a function of a module does something else."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import pytest

from paidan_contracts.actions import SupportedAction
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import replace_unvalidated
from paidan_dispatch.cases import decide
from paidan_dispatch.cases.transition_table import TRANSITIONS

Plant: TypeAlias = Callable[[pytest.MonkeyPatch], None]
Changes: TypeAlias = Callable[[CaseState], Mapping[str, Any]]


def wrong_state(kind: type[SupportedAction], changes: Changes) -> Plant:
    """Return a bug: after this kind of action fields of the state have other values."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        def apply(*arguments: Any) -> Any:  # noqa: ANN401 - of a transition
            result = TRANSITIONS[kind](*arguments)
            if isinstance(result, Refusal):
                return result
            return [
                replace_unvalidated(each, state=replace_unvalidated(each.state, **changes(each.state)))
                for each in result
            ]

        monkeypatch.setattr(decide, "TRANSITIONS", {**TRANSITIONS, kind: apply})

    return plant


def wrong_function(module: object, name: str, wrap: Callable[[Any], Any]) -> Plant:
    """Return a bug: a function of a module is replaced by what ``wrap`` makes of it."""
    return lambda monkeypatch: monkeypatch.setattr(module, name, wrap(getattr(module, name)))


def last_assignment(**fields: Any) -> Changes:  # noqa: ANN401 - of an assignment
    """Return that the last assignment has other fields."""
    return lambda state: {
        "assignments": tuple(
            replace_unvalidated(each, **fields) if each is state.assignments[-1] else each for each in state.assignments
        )
    }


def last_limit(changes: Callable[[Any], Mapping[str, Any]]) -> Changes:
    """Return that the last limit has other fields, where there is one."""

    def change(state: CaseState) -> Mapping[str, Any]:
        if not state.assignments:
            return {}
        assignment = state.assignments[-1]
        limit = replace_unvalidated(assignment.limits[-1], **changes(assignment.limits[-1]))
        return last_assignment(limits=(*assignment.limits[:-1], limit))(state)

    return change
