"""What `paidan verify` says in its last line: the numbers, as they are."""

import pytest

from paidan_deploy.conservation.report import Check, ConservationReport

SOUND, BROKEN = Check("this", holds=True, counted=3), Check("that", holds=False, counted=3, against=1)


@pytest.mark.parametrize("claims", [(SOUND,), (SOUND, BROKEN)])
def test_numbers_that_add_up_are_not_said_to_differ(claims: tuple[Check, ...]) -> None:
    """A photo that is lost is told above; the line is about numbers alone."""
    found = ConservationReport(received=3, ends={"opened": 2, "merged": 1}, claims=claims)

    assert found.line == "3 received = 2 opened + 1 merged"
    assert found.holds == (BROKEN not in claims)


def test_numbers_that_do_not_add_up_are_never_said_to_be_equal() -> None:
    """A log that lost its first records counts less than the tables, and no claim fails of that."""
    found = ConservationReport(received=3, ends={"opened": 2, "merged": 2}, claims=(SOUND,))

    assert found.line == "3 received ≠ 2 opened + 2 merged"
