"""Marks: what else some cases are listed by: who answers for them, to which level they were raised, which request waits
for whose decision, whom they complain of, who is to verify them, and whether they are planned. Pure.
"""

from collections.abc import Collection, Iterator
from typing import Final, Literal

from paidan_cockpit.case_events import ClockPart, RequestPart, StatePart

MarkKind = Literal["request", "decides", "level", "leader", "office", "unit", "complaint", "verifier"]
ESCALATED: Final = "escalated"
"""Whatever the level."""
PLANNED: Final = "planned"
"""In the construction plan, until a date."""


def mark(kind: MarkKind, value: str) -> str:
    """Return a mark as it is stored."""
    return f"{kind}={value}"


def marks_of(state: StatePart) -> list[str]:
    """Return the marks of a case, in order of the alphabet."""
    return sorted(_iter_marks(state))


def values_of(marks: Collection[str], kind: MarkKind) -> list[str]:
    """Return the values of a case's marks of one kind."""
    begin = f"{kind}="
    return [each.removeprefix(begin) for each in marks if each.startswith(begin)]


def pending_request(state: StatePart) -> RequestPart | None:
    """Return the request that waits for a decision."""
    last = state.time_limits.requests[-1:] if state.time_limits is not None else ()
    return next((each for each in last if each.outcome is None), None)


def _iter_marks(state: StatePart) -> Iterator[str]:
    if (request := pending_request(state)) is not None:
        yield mark("request", request.kind)
        yield from (mark("decides", duty) for duty in request.chain[len(request.steps) :][:1])
    if state.escalation is not None:
        levels = {each.level for each in state.escalation.entries if each.ended_at is None}
        yield from (mark("level", each) for each in levels)
        if levels:
            yield ESCALATED
    if (found := state.answerable) is not None:
        named: tuple[tuple[MarkKind, str | None], ...] = (
            ("leader", found.leader),
            ("office", found.office),
            ("unit", found.unit),
        )
        yield from (mark(kind, value) for kind, value in named if value is not None)
    if state.complained_of is not None:
        yield mark("complaint", state.complained_of)
    if state.status in ("received", "filed") and state.clocks:
        yield from _marks_of_clock(state.status, state.clocks[-1])


def _marks_of_clock(status: str, clock: ClockPart) -> Iterator[str]:
    """Yield the post that is to verify a case, and whether the case is in the construction plan."""
    if clock.ended_at is not None:
        return
    if status == "filed" and clock.kind == "construction":
        yield PLANNED
    task = clock.verification if status == "received" else None
    if task is not None and task.post is not None and task.answer is None:
        yield mark("verifier", task.post)
