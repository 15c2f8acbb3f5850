"""Photos of a case: of its reports, of the finished work, of the inspection. Pure."""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from paidan_cockpit.pages.case_record import CaseRecord
from paidan_cockpit.pages.case_reports import ShownReport
from paidan_contracts.cases import CaseClosed, CaseReworked

PhotoStage = Literal["before", "after", "inspection"]


class PhotoGroup(NamedTuple):
    """The photos of one stage."""

    stage: PhotoStage
    refs: tuple[str, ...]


def photos_of_case(record: CaseRecord, reports: Sequence[ShownReport]) -> list[PhotoGroup]:
    """Return the photos of a case, before and after; of the work and of its inspection, those of the last time.

    Where there is any photo, before and after stand side by side, and of one of them there may be none.
    """
    state = record.state
    finished = [each.proof for each in state.assignments[-1:]] + [each.proof for each in state.helpers]
    inspected = [each.proof for each in record.events if isinstance(each, (CaseClosed, CaseReworked)) and each.proof]
    before = PhotoGroup("before", tuple(_reported(reports)))
    after = PhotoGroup("after", tuple(dict.fromkeys(ref for refs in finished for ref in refs)))
    inspection = [PhotoGroup("inspection", inspected[-1])] if inspected else []
    return [before, after, *inspection] if before.refs or after.refs else inspection


def photos_of_order(reports: Sequence[ShownReport]) -> list[PhotoGroup]:
    """Return the photos that a department sees with its order."""
    refs = tuple(_reported(reports))
    return [PhotoGroup("before", refs)] if refs else []


def _reported(reports: Sequence[ShownReport]) -> Iterator[str]:
    yield from dict.fromkeys(ref for each in reports for ref in each.photos)
