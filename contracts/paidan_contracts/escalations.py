"""A case's escalations, and where the ladder that raises it by itself stands for each of its limits."""

from pydantic import Field

from paidan_contracts.actions import Actor
from paidan_contracts.assignments import RuleRef
from paidan_contracts.wire import AnyTimerKind, Code, PositiveInt, Text, Timestamp, WireModel


class Escalation(WireModel):
    """A level to which the case was raised; it stands until it is ended, or the case is."""

    level: Code = Field(description="A level of the city's ladder.")
    rank: PositiveInt = Field(description="The level's place in the ladder, 1 the lowest.")
    since: Timestamp
    rule: RuleRef | None = Field(default=None, description="The step of the ladder; None: somebody raised it.")
    by: Actor | None = Field(default=None, description="Who raised it; None: the ladder did.")
    reason: Text = ""
    posts: tuple[Code, ...] = Field(default=(), description="Posts whose matter it is.")
    ended_at: Timestamp | None = None
    ended_because: Text | None = None


class LadderPosition(WireModel):
    """Which steps of the ladder fired for a time limit, and which is the next."""

    clock: AnyTimerKind
    limit: PositiveInt = Field(description="The limit's number: of the assignment where the clock is accept.")
    of_due_at: Timestamp = Field(description="The end of the limit to which the next step belongs.")
    fired: tuple[Code, ...] = ()
    step: Code | None = None
    levels: tuple[Code, ...] = Field(default=(), description="To which the next step raises.")
    due_at: Timestamp | None = Field(default=None, description="When the next step is due; None: none is.")
    set_at_version: PositiveInt = Field(description="The case's version at which it was set; its timer's generation.")


class CaseEscalation(WireModel):
    """Every escalation of a case, in order, the newest 20; and the ladder's positions."""

    entries: tuple[Escalation, ...] = ()
    ladder: tuple[LadderPosition, ...] = ()
    halted_at: Timestamp | None = Field(
        default=None, description="Since when the ladder stands, while the work is suspended or inspected."
    )

    @property
    def standing(self) -> tuple[Escalation, ...]:
        """Return the escalations that stand, in order."""
        return tuple(each for each in self.entries if each.ended_at is None)
