"""督办: where the city's escalation ladder stands for each limit of a case, and which levels it was raised to."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

from paidan_contracts.actions import Actor
from paidan_contracts.assignments import RuleRef
from paidan_contracts.city.calendar import CalendarExhausted
from paidan_contracts.city.escalation import EscalationStep, post_concerns, step_concerns
from paidan_contracts.escalations import CaseEscalation, Escalation, LadderPosition
from paidan_contracts.orders import OrderEscalation
from paidan_contracts.state import CaseState, Status
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_contracts.wire import AnyTimerKind
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.policy import CityPolicy

ESCALATIONS_KEPT: Final = 20
"""So many of the newest escalations are in a case's state, and those that stand; all of them are in its history."""
ENDED_STATUSES: Final[frozenset[Status]] = frozenset({"closed", "not_accepted", "voided"})
_WORKING_STATUSES: Final[frozenset[Status]] = frozenset({"dispatched", "handling"})
_HALTED_STATUSES: Final[frozenset[Status]] = frozenset({"suspended", "inspecting"})
_CASE_ENDED: Final = Bilingual("The case ended.", "案件已终结。").joined()

_new_escalation: Final = unvalidated_constructor(CaseEscalation)
_new_entry: Final = unvalidated_constructor(Escalation)
_new_position: Final = unvalidated_constructor(LadderPosition)


class PassingLimit(NamedTuple):
    """A limit of a case that has passed, or is about to: its clock, number, and bounds in time."""

    clock: AnyTimerKind
    number: int
    began_at: datetime
    due_at: datetime

    @property
    def key(self) -> tuple[AnyTimerKind, int]:
        """By which the ladder knows it: each step fires once for it."""
        return self.clock, self.number


class Raised(NamedTuple):
    """Why a case is raised: by a step of the ladder, or by somebody with a reason."""

    at: datetime
    rule: RuleRef | None
    by: Actor | None
    reason: str


NextStep: TypeAlias = tuple[datetime, EscalationStep]


def advance(
    state: CaseState, limit: PassingLimit, at: datetime, policy: CityPolicy, *, fired: str | None = None
) -> CaseEscalation | None:
    """Return the case's escalation with the ladder's next step for a limit set; as it was where the city has none.

    ``fired``: the step that has fired just now. Before the limit has passed only steps by a share of it are looked at;
    what should have fired before is due at once.
    """
    before = state.escalation
    if policy.city.pack.escalation is None:
        return before
    held = next((each for each in before.ladder if (each.clock, each.limit) == limit.key), None) if before else None
    done = (*(held.fired if held else ()), *((fired,) if fired else ()))
    following = min(
        _steps_ahead(state, limit, policy, done, has_passed=at >= limit.due_at), key=lambda each: each[0], default=None
    )
    if following is None and not done:
        return before
    position = _new_position(
        clock=limit.clock,
        limit=limit.number,
        of_due_at=limit.due_at,
        fired=done,
        step=following[1].id if following else None,
        levels=following[1].levels if following else (),
        due_at=max(following[0], at) if following else None,
        set_at_version=state.version + 1,
    )
    others = tuple(each for each in before.ladder if each.clock != limit.clock) if before else ()
    return _with(before, ladder=(*others, position))


def _steps_ahead(
    state: CaseState, limit: PassingLimit, policy: CityPolicy, done: Sequence[str], *, has_passed: bool
) -> Iterator[NextStep]:
    ladder = policy.city.pack.escalation
    for step in ladder.steps if ladder else ():
        if step.clock != limit.clock or step.id in done or (step.share is None and not has_passed):
            continue
        if step_concerns(step, state.class_code, state.source, state.place):
            at = _time_of(step, limit, policy)
            if at is not None:
                yield at, step


def _time_of(step: EscalationStep, limit: PassingLimit, policy: CityPolicy) -> datetime | None:
    if step.share is not None:
        return limit.began_at + (limit.due_at - limit.began_at) * step.share
    try:
        return limit.due_at if step.after is None else policy.deadline(limit.due_at, step.after)
    except CalendarExhausted:
        # As for stages: beyond the calendar nothing runs, and nobody is told a time that is guessed.
        return None


def running_positions(state: CaseState) -> Iterator[LadderPosition]:
    """Yield the positions of which a step is due: those of limits that run, unchanged since the step was set."""
    for position in state.escalation.ladder if state.escalation else ():
        limit = running_limit(state, position.clock)
        if position.due_at is None or limit is None:
            continue
        if (limit.clock, limit.number, limit.due_at) == (position.clock, position.limit, position.of_due_at):
            yield position


def running_limit(state: CaseState, clock: AnyTimerKind) -> PassingLimit | None:
    """Return the limit of a clock that runs in this state; None where none does."""
    if state.status in _WORKING_STATUSES and clock in ("accept", "handle"):
        assignment = state.assignments[-1]
        if clock == "handle":
            limit = assignment.limits[-1]
            return PassingLimit(clock, limit.number, limit.began_at, limit.due_at) if limit.due_at else None
        if state.status == "dispatched" and assignment.accept_by is not None:
            return PassingLimit(clock, assignment.number, assignment.dispatched_at, assignment.accept_by)
        return None
    stage = state.clocks[-1] if state.clocks else None
    if stage is None or stage.kind != clock or stage.ended_at is not None:
        return None
    return PassingLimit(clock, stage.number, stage.began_at, stage.due_at)


def raise_to(state: CaseState, levels: Sequence[str], raised: Raised, policy: CityPolicy) -> CaseEscalation | None:
    """Return the case's escalation with these levels standing; one that stands already goes on as it is."""
    before, ladder = state.escalation, policy.city.pack.escalation
    standing = {each.level for each in before.standing} if before else set()
    known = {level.id: (rank, level) for rank, level in enumerate(ladder.levels, start=1)} if ladder else {}
    entries = before.entries if before else ()
    for level in levels:
        if level not in standing and level in known:
            rank, found = known[level]
            posts = tuple(
                each
                for each in found.posts
                if each in policy.city.posts and post_concerns(policy.city.posts[each], state.class_code, state.place)
            )
            entry = _new_entry(
                level=level,
                rank=rank,
                since=raised.at,
                rule=raised.rule,
                by=raised.by,
                reason=raised.reason,
                posts=posts,
            )
            entries = (*entries, entry)
    older, newest = entries[:-ESCALATIONS_KEPT], entries[-ESCALATIONS_KEPT:]
    return _with(before, entries=(*(each for each in older if each.ended_at is None), *newest))


def end_levels(escalation: CaseEscalation, levels: Sequence[str], at: datetime, reason: str) -> CaseEscalation:
    """Return the escalation with these levels ended."""
    entries = tuple(
        replace_unvalidated(each, ended_at=at, ended_because=reason)
        if each.ended_at is None and each.level in levels
        else each
        for each in escalation.entries
    )
    return replace_unvalidated(escalation, entries=entries)


def told_levels(state: CaseState, policy: CityPolicy) -> tuple[OrderEscalation, ...] | None:
    """Return the levels that stand as a department is told of them on its order; None: the case is raised to none."""
    ladder, standing = policy.city.pack.escalation, state.escalation.standing if state.escalation else ()
    names = {each.id: each.names for each in ladder.levels} if ladder else {}
    told = [
        OrderEscalation(level=each.level, names=names.get(each.level), since=each.since, reason=each.reason)
        for each in standing
    ]
    return tuple(told) or None


def follow_status(before: CaseState, after: CaseState, at: datetime) -> CaseState:
    """Return the state after a step with the ladder halted, going on or ended as its new status wants."""
    escalation = after.escalation
    if escalation is None or before.status == after.status:
        return after
    if after.status in ENDED_STATUSES:
        levels = [each.level for each in escalation.standing]
        escalation = replace_unvalidated(end_levels(escalation, levels, at, _CASE_ENDED), ladder=(), halted_at=None)
    elif after.status in _HALTED_STATUSES and before.status in _WORKING_STATUSES:
        escalation = replace_unvalidated(escalation, halted_at=at)
    elif after.status in _WORKING_STATUSES and escalation.halted_at is not None:
        escalation = _resumed(after, escalation, at)
    return replace_unvalidated(after, escalation=escalation)


def _resumed(after: CaseState, escalation: CaseEscalation, at: datetime) -> CaseEscalation:
    """Return the ladder going on: what was left until its next step is left now; of the limit as it now ends."""
    halted_for = at - (escalation.halted_at or at)
    ladder = []
    for position in escalation.ladder:
        limit = running_limit(after, position.clock)
        if limit is not None and limit.number == position.limit and position.due_at is not None:
            due_at = position.due_at + halted_for
            moved = {"due_at": due_at, "of_due_at": limit.due_at, "set_at_version": after.version}
            ladder.append(replace_unvalidated(position, **moved))
        else:
            ladder.append(position)
    return replace_unvalidated(escalation, ladder=tuple(ladder), halted_at=None)


def _with(before: CaseEscalation | None, **changes: object) -> CaseEscalation:
    return replace_unvalidated(before, **changes) if before is not None else _new_escalation(**changes)
