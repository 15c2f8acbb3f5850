"""The status of a case as its reporters see it, read from case events. Pure."""

from datetime import datetime
from typing import NamedTuple

from paidan_contracts.wire import CaseId, Id, PositiveInt, Timestamp, WireModel


class CaseStatus(NamedTuple):
    """The status of a case at one version, as its reporters see it."""

    case_id: str
    version: int
    status: str
    answer: str | None
    due_at: datetime | None
    changed_at: datetime
    departments: tuple[str, ...]
    """Those that have an order in the case now, or had the last one."""
    callbacks_awaited: tuple[str, ...] | None
    """The reports whose reporter is to be called back now; None: release 0.1 did not say."""
    class_code: str | None = None
    places: tuple[str, ...] = ()
    """Codes of the district, street and community where it lies, as far as they are known."""
    complained_of: str | None = None
    """The unit of whose handling it complains."""


class PartialLimit(WireModel):
    """The part of a limit that reporters see."""

    due_at: Timestamp | None = None


class PartialOrder(WireModel):
    """Which department has an order, and the proof photos that it sent."""

    department: str
    returned_at: str | None = None
    withdrawn_at: str | None = None
    proof: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Return whether the department still has the order."""
        return self.returned_at is None and self.withdrawn_at is None


class PartialAssignment(PartialOrder):
    """The part of an assignment that reporters see, and who has it."""

    limits: tuple[PartialLimit, ...] = ()


class PartialReport(WireModel):
    """The photos of a report that joined the case."""

    photos: tuple[str, ...] = ()


class PartialPlace(WireModel):
    """The areas in which a case lies."""

    district: str | None = None
    street: str | None = None
    community: str | None = None


class PartialState(WireModel):
    """The part of a case's state that reporters see, and its photos; decoding all would cost five times as much."""

    status: str
    photos: tuple[str, ...] = ()
    joined: tuple[PartialReport, ...] = ()
    assignments: tuple[PartialAssignment, ...] = ()
    helpers: tuple[PartialOrder, ...] = ()
    answer: str | None = None
    callbacks_awaited: tuple[Id, ...] | None = None
    class_code: str | None = None
    place: PartialPlace = PartialPlace()
    complained_of: str | None = None


class PartialCaseEvent(WireModel):
    """The part of a case event that reporters see."""

    type: str
    case_id: CaseId
    version: PositiveInt
    recorded_at: Timestamp
    state: PartialState


def status_of(event: PartialCaseEvent) -> CaseStatus:
    """Return the status after an event. ``answer`` is the public one: nobody's account before it was inspected."""
    limits = event.state.assignments[-1].limits if event.state.assignments else ()
    place = event.state.place
    return CaseStatus(
        case_id=event.case_id,
        version=event.version,
        status=event.state.status,
        answer=event.state.answer,
        due_at=limits[-1].due_at if limits else None,
        changed_at=event.recorded_at,
        departments=_departments(event.state),
        callbacks_awaited=event.state.callbacks_awaited,
        class_code=event.state.class_code,
        places=tuple(filter(None, (place.district, place.street, place.community))),
        complained_of=event.state.complained_of,
    )


def photos_of(event: PartialCaseEvent) -> frozenset[str]:
    """Return the photos of a case: of its reports, and its departments' proof."""
    state = event.state
    proof = [ref for order in (*state.assignments, *state.helpers) for ref in order.proof]
    return frozenset([*state.photos, *(ref for report in state.joined for ref in report.photos), *proof])


def _departments(state: PartialState) -> tuple[str, ...]:
    orders = (*state.assignments[-1:], *state.helpers)
    return tuple(sorted({order.department for order in orders if order.is_valid}))
