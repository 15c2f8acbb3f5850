"""红绿灯: how far each time limit of a case is used, as a function of its state and the time.

Green until the pack's share ``warn_at`` of a limit is used, yellow until its end, red after it.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, Literal, TypeAlias

from paidan_contracts.assignments import Assignment, Helper
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_contracts.wire import AnyTimerKind, Slug, Timestamp, WireModel

Light: TypeAlias = Literal["green", "yellow", "red"]
_FROM_WORST: Final[tuple[Light, ...]] = ("red", "yellow", "green")


class LimitLight(WireModel):
    """The traffic light of one time limit that runs."""

    clock: AnyTimerKind
    department: Slug | None
    """The department that answers for it; None: none does."""
    due_at: Timestamp
    light: Light


_new_light: Final = unvalidated_constructor(LimitLight)


def limit_lights(state: CaseState, now: datetime) -> tuple[LimitLight, ...]:
    """Return the light of each limit that runs, those of helpers last; none of an import's past."""
    return () if state.past else (*_lights_of_case(state, now), *_lights_of_helpers(state, now))


def case_light(state: CaseState, now: datetime) -> Light | None:
    """Return the worst light of a case's limits, without those of helpers; None where no limit runs."""
    return None if state.past else worst_light(_lights_of_case(state, now))


def order_lights(state: CaseState, department: str, now: datetime) -> tuple[LimitLight, ...]:
    """Return the lights of the limits for which a department answers, by its order to lead or to help."""
    return tuple(each for each in limit_lights(state, now) if each.department == department)


def worst_light(lights: Iterable[LimitLight]) -> Light | None:
    """Return the worst of some lights; None of none."""
    seen = {each.light for each in lights}
    return next((each for each in _FROM_WORST if each in seen), None)


def _lights_of_case(state: CaseState, now: datetime) -> Iterator[LimitLight]:
    if state.status in ("dispatched", "handling"):
        yield from _lights_of_lead(state.assignments[-1], now, is_accepted=state.status == "handling")
    for clock in state.clocks[-1:]:
        if clock.ended_at is None:
            light = _light(now, clock.due_at, clock.warn_at, clock.warned_at)
            yield _new_light(clock=clock.kind, department=None, due_at=clock.due_at, light=light)


def _lights_of_helpers(state: CaseState, now: datetime) -> Iterator[LimitLight]:
    if state.status in ("filed", "dispatched", "handling", "suspended", "inspecting"):
        for helper in state.helpers:
            if helper.returned_at is None and helper.withdrawn_at is None:
                yield from _lights_of_helper(helper, now)


def _lights_of_lead(assignment: Assignment, now: datetime, *, is_accepted: bool) -> Iterator[LimitLight]:
    department, limit = assignment.department, assignment.limits[-1]
    if not is_accepted and assignment.accept_by is not None:
        light = _light(now, assignment.accept_by, assignment.accept_warn_at, assignment.accept_warned_at)
        yield _new_light(clock="accept", department=department, due_at=assignment.accept_by, light=light)
    if limit.due_at is not None:
        light = _light(now, limit.due_at, limit.warn_at, limit.warned_at)
        yield _new_light(clock="handle", department=department, due_at=limit.due_at, light=light)


def _lights_of_helper(helper: Helper, now: datetime) -> Iterator[LimitLight]:
    if helper.accepted_at is None and helper.accept_by is not None:
        light = _light(now, helper.accept_by, helper.accept_warn_at, helper.accept_warned_at)
        yield _new_light(clock="accept", department=helper.department, due_at=helper.accept_by, light=light)
    if helper.finished_at is None and helper.due_at is not None:
        light = _light(now, helper.due_at, helper.warn_at, helper.warned_at)
        yield _new_light(clock="handle", department=helper.department, due_at=helper.due_at, light=light)


def _light(now: datetime, due_at: datetime, warn_at: datetime | None, warned_at: datetime | None) -> Light:
    if now > due_at:
        return "red"
    is_soon = now >= warn_at if warn_at is not None else warned_at is not None
    return "yellow" if is_soon else "green"
