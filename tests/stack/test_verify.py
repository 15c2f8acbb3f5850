"""The summary line of `paidan verify`: the counts, as they are."""

import pytest

from paidan_deploy.conservation.report import Check, ConservationReport

SOUND, BROKEN = Check("this", holds=True, counted=3), Check("that", holds=False, counted=3, against=1)


@pytest.mark.parametrize("claims", [(SOUND,), (SOUND, BROKEN)])
def test_counts_that_add_up_are_an_equation(claims: tuple[Check, ...]) -> None:
    """A failed check, such as a lost photo, is printed above; the line is about counts alone."""
    found = ConservationReport(received=3, ends={"opened": 2, "merged": 1}, claims=claims)

    assert found.line == "3 received = 2 opened + 1 merged"
    assert found.holds == (BROKEN not in claims)


def test_counts_that_do_not_add_up_are_an_inequality() -> None:
    """A log that lost its first records has fewer than the tables, and no check fails for that."""
    found = ConservationReport(received=3, ends={"opened": 2, "merged": 2}, claims=(SOUND,))

    assert found.line == "3 received ≠ 2 opened + 2 merged"
