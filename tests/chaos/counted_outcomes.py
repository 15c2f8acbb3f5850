"""Outcomes of reports that open no case, and what the cockpit must have counted of them: a pure function of the log."""

import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from paidan_cockpit.case_rows import CountedReport
from paidan_contracts.outcomes import OutcomeDecided, Refusal
from tests.scoring import case_histories


def shuffled_outcomes(number: int, seed: int) -> list[OutcomeDecided]:
    """Return suppressed alarms, every fourth a noted report instead, in random order, a fifth of them twice."""
    rng = random.Random(seed)  # noqa: S311 - a test has to be repeatable, not secret
    outcomes = [_outcome(each) for each in range(number)]
    again = rng.sample(outcomes, number // 5)
    return rng.sample([*outcomes, *again], number + len(again))


def noted_reports(outcomes: Sequence[OutcomeDecided]) -> Iterator[CountedReport]:
    """Yield the noted reports."""
    for each in outcomes:
        if each.result == "noted" and each.source and each.recorded_at:
            yield CountedReport(each.id, "tiny", each.source, each.recorded_at)


def tally(outcomes: Sequence[OutcomeDecided]) -> list[tuple[object, ...]]:
    """Return the rows of suppressed alarms by quarter and reason, each alarm counted once."""
    alarms = {each.id: each for each in outcomes if each.result == "suppressed"}
    groups = groupby(sorted(alarms.values(), key=_group), key=_group)
    rows: list[tuple[object, ...]] = []
    for (quarter, reason), group in groups:
        times = [_time(each) for each in group]
        rows.append((quarter, "tiny", "camera", reason, len(times), max(times)))
    return rows


def _group(outcome: OutcomeDecided) -> tuple[datetime, str]:
    at = _time(outcome)
    return at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0), outcome.why.code if outcome.why else ""


def _time(outcome: OutcomeDecided) -> datetime:
    assert outcome.recorded_at is not None
    return outcome.recorded_at


def _outcome(number: int) -> OutcomeDecided:
    at, noted = case_histories.START + timedelta(minutes=number), number % 4 == 0
    why = Refusal(code=("alarm_refired", "alarm_too_brief")[number % 2], message="m", message_zh="m")
    return OutcomeDecided(
        id=str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))), about="report", result="noted" if noted else "suppressed",
        why=None if noted else why, area="tiny.990101", source="camera", recorded_at=at, decided_at=at,
    )  # fmt: skip
