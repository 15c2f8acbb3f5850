"""Any sequence of actions, timers and reports keeps every named invariant of a case, and each can be broken."""

from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.dispatch.case_machine import run_machine
from tests.dispatch.case_steps import InvariantBroken
from tests.dispatch.invariants.registry import INVARIANTS
from tests.dispatch.planted_bugs import PLANTED_BUGS

SEARCH: Final = settings(
    max_examples=20_000,
    stateful_step_count=20,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
"""Ends at the first example that breaks an invariant: which one depends on the modules that are loaded, whose constants
hypothesis draws, so there are more than any bug needed."""


def test_any_sequence_keeps_every_invariant() -> None:
    run_machine(INVARIANTS.keys(), settings(max_examples=300, stateful_step_count=20, deadline=None))


def test_every_invariant_has_a_planted_bug() -> None:
    assert PLANTED_BUGS.keys() == INVARIANTS.keys()
    assert all(function.__doc__ for function in INVARIANTS.values())


@pytest.mark.parametrize("name", PLANTED_BUGS)
def test_planted_bug_breaks_its_invariant(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    PLANTED_BUGS[name](monkeypatch)
    with pytest.raises(InvariantBroken, match=name):
        run_machine([name], SEARCH)
