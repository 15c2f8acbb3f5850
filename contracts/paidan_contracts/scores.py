"""Scores: the current value of an indicator, with numerator and denominator."""

from typing import Literal

from pydantic import Field

from paidan_contracts.wire import Code, Id, NonNegativeInt, PositiveInt, ShortText, Slug, Timestamp, WireModel

Dimension = Literal["city", "department", "district", "street", "class", "source"]


class ScoreUpdated(WireModel):
    """A score changed. Its value is null, never 0 or 100 %, where the denominator is 0.

    Published by scoring on ``paidan.scores`` (compacted). Read by the cockpit, monitoring and departments. Keyed by
    ``score_id``.
    """

    type: Literal["score.updated.v1"] = "score.updated.v1"
    score_id: Id
    version: PositiveInt
    city: Slug
    period: ShortText = Field(description="A day, 2026-01-31, in the city's time zone, or a month, 2026-01.")
    by: Dimension
    key: ShortText = Field(description="The department, district... or ``unknown``.")
    indicator: Code
    indicator_version: Code
    numerator: NonNegativeInt
    denominator: NonNegativeInt
    value: float | None
    provisional: bool = True
    computed_at: Timestamp
