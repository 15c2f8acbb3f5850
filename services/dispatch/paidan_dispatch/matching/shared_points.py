"""Points that reports with many different addresses share, such as a geocoder's fall-back: no merge follows from them.

Known by the open cases of the class at exactly that point, and by the reports that joined them there.
"""

from collections.abc import Callable, Iterator, Sequence
from unicodedata import normalize

from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_dispatch.matching.candidates import Candidate


def is_shared(
    candidate: Candidate,
    report: ReportReceived,
    candidates: Sequence[Candidate],
    *,
    limit: int,
    state_of: Callable[[str], CaseState],
) -> bool:
    """Return whether more than ``limit`` different addresses are known for the candidate's exact point.

    The report's own address counts where the report is at the same point; what has no address says nothing.
    """
    place, known = report.place, set[str]()
    if is_same_point(candidate, report) and place.address:
        known.add(_comparable(place.address))
    for other in candidates:
        if other.closed_at is not None or (other.latitude, other.longitude) != (
            candidate.latitude,
            candidate.longitude,
        ):
            continue
        for address in _addresses_at_its_point(state_of(other.case_id)):
            known.add(_comparable(address))
            if len(known) > limit:
                return True
    return len(known) > limit


def is_same_point(candidate: Candidate, report: ReportReceived) -> bool:
    """Return whether a report has exactly the position of a case."""
    return (candidate.latitude, candidate.longitude) == (report.place.latitude, report.place.longitude)


def _addresses_at_its_point(state: CaseState) -> Iterator[str]:
    if state.place.address:
        yield state.place.address
    for joined in state.joined:
        if joined.address and joined.metres == 0:
            yield joined.address


def _comparable(address: str) -> str:
    return "".join(normalize("NFKC", address).split()).casefold()
