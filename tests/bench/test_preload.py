"""Copies of a database's own cases: at least as many are stored as were asked for."""

import pytest

from tests.bench.preload import copies_needed


@pytest.mark.parametrize(
    ("stored", "up_to", "copies"),
    [(10_000, 1_000_000, 99), (10_001, 1_000_000, 99), (9_999, 1_000_000, 100), (5, 5, 0), (7, 5, 0)],
)
def test_at_least_as_many_cases_are_stored_as_were_asked_for(stored: int, up_to: int, copies: int) -> None:
    assert copies_needed(stored, up_to=up_to) == copies
    assert stored * (copies + 1) >= up_to
