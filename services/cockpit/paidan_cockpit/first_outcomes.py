"""Of several outcomes under one id the first of the log counts, wherever batches are cut. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, TypeVar

from paidan_cockpit.case_rows import CountedReport
from paidan_cockpit.report_outcomes import SuppressedAlarm
from paidan_contracts.topics import OUTCOMES

KEPT: Final = OUTCOMES.retention or timedelta(days=30)
"""How long counts stay: as long as the log from which they can be made again."""
_QUARTER: Final = timedelta(minutes=15)
_BEGIN: Final = datetime(2000, 1, 1, tzinfo=UTC)
OutcomeT = TypeVar("OutcomeT", SuppressedAlarm, CountedReport)


@dataclass(frozen=True, slots=True)
class FirstOutcomes(Generic[OutcomeT]):
    """What a batch adds to the counts; all that is older than ``oldest`` is forgotten with it."""

    added: Mapping[str, OutcomeT]
    oldest: datetime


def first_outcomes(
    outcomes: Iterable[tuple[str, OutcomeT]], known: Mapping[str, datetime], newest: datetime | None
) -> FirstOutcomes[OutcomeT]:
    """Return which of a batch's outcomes count, each with its id, in the order of the log.

    ``known``: when those were recorded that count already. ``newest``: the latest quarter of an hour that has any.
    Each outcome is judged as if it were a batch of its own: what is too old for the newest one before it does not
    count, and an id whose outcome is as old is free again.
    """
    counted, added, oldest = dict(known), dict[str, OutcomeT](), _oldest(newest)
    for id_, outcome in outcomes:
        at = outcome.recorded_at
        if at < oldest or (id_ in counted and counted[id_] >= oldest):
            continue
        counted[id_], added[id_] = at, outcome
        oldest = max(oldest, _oldest(quarter_of(at)))
    return FirstOutcomes(added, oldest)


def quarter_of(at: datetime) -> datetime:
    """Return the quarter of an hour in which a moment is."""
    return at - (at - _BEGIN) % _QUARTER


def _oldest(newest: datetime | None) -> datetime:
    return newest - KEPT if newest else datetime.min.replace(tzinfo=UTC)
