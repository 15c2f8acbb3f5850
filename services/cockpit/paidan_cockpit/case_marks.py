"""Marks: what else some cases are listed by: who answers for them, to which level they were raised, which request waits
for whose decision, and whom they complain of. Pure.
"""

from collections.abc import Collection, Iterator
from typing import Final, Literal

from paidan_cockpit.case_events import RequestPart, StatePart

MarkKind = Literal["request", "decides", "level", "leader", "office", "unit", "complaint"]
ESCALATED: Final = "escalated"
"""Whatever the level."""


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
