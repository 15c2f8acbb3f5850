"""The newest figure of each score, with numerator and denominator."""

from typing import Literal

from pydantic import Field

from .wire import Code, Count, Id, Line, Moment, Said, Slug, Version

Dimension = Literal["city", "department", "district", "street", "class", "source"]


class ScoreUpdated(Said):
    """A figure changed. The value is null, never 0 or 100 %, when the denominator is 0.

    Published by scoring on ``paidan.scores`` (compacted). Read by monitoring and departments. Keyed by ``score_id``.
    """

    type: Literal["score.updated.v1"] = "score.updated.v1"
    score_id: Id
    version: Version
    city: Slug
    period: Line = Field(description="A day, 2026-01-31, in the city's time zone, or a month, 2026-01.")
    by: Dimension
    key: Line = Field(description="The department, district... or ``unknown``.")
    indicator: Code
    indicator_version: Code
    numerator: Count
    denominator: Count
    value: float | None
    provisional: bool = True
    computed_at: Moment
