"""The event that announces what the conservation check found: numbers and codes, and nobody's ids."""

from typing import Final, Literal

from pydantic import Field

from paidan_contracts.wire import Code, Id, NonNegativeInt, ShortText, Timestamp, WireModel

CONSERVATION: Final = "conservation"
"""The key of this check's results."""


class CheckResult(WireModel):
    """What one check of many found."""

    code: Code = Field(description="Which check: reports_decided, history_matches, photos_exist...")
    holds: bool
    counted: NonNegativeInt = Field(description="How many items it covered.")
    against: NonNegativeInt = Field(default=0, description="How many of them fail it.")


class CheckNotice(WireModel):
    """A finding that is no loss of data."""

    code: Code
    counted: NonNegativeInt
    found: NonNegativeInt


class LogOffset(WireModel):
    """How far a partition of a topic was compared: what is at this offset and after it was left out."""

    topic: ShortText
    partition: NonNegativeInt
    offset: NonNegativeInt


class ConservationChecked(WireModel):
    """The logs were compared with every table, to see that nothing was lost, counted twice or rewritten.

    Published by ``paidan verify`` on ``paidan.checks`` after each check that could be completed. Read by the cockpit,
    monitoring and operators. Keyed by ``conservation``.
    """

    type: Literal["conservation.checked.v1"] = "conservation.checked.v1"
    check_id: Id
    checked_at: Timestamp = Field(description="When it began, in real time.")
    took_ms: NonNegativeInt
    holds: bool = Field(description="Whether every check holds.")
    received: NonNegativeInt = Field(description="How many reports were received.")
    outcomes: dict[str, NonNegativeInt] = Field(
        default={},
        description="How many of them ended as opened, merged, noted... Their sum is `received` while logs are whole.",
    )
    dead_letters: dict[str, NonNegativeInt] = Field(
        default={}, description="By topic: the records that are dead letters and were not put back."
    )
    checks: tuple[CheckResult, ...] = ()
    notices: tuple[CheckNotice, ...] = ()
    compared_to: tuple[LogOffset, ...] = ()
