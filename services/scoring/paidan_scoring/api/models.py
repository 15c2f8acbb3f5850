"""HTTP response models."""

from datetime import date

from pydantic import BaseModel, Field

from paidan_contracts.city.indicators import Count, Rate
from paidan_contracts.city.pack_types import Names
from paidan_contracts.scores import Dimension


class RateResponse(BaseModel, title="RateShown"):
    """A rate, with what it was made of and the id under which its cases can be asked for."""

    numerator: int
    denominator: int
    value: float | None = Field(description="Null, never 0 or 1, when the denominator is 0.")
    score_id: str


class RowResponse(BaseModel, title="RowShown"):
    """The counts and rates of one department, district..."""

    key: str = Field(description="`unknown` is a bucket like any other.")
    names: Names | None = Field(default=None, description="As the city's pack has them.")
    counts: dict[str, int]
    rates: dict[str, RateResponse]


class ScoresResponse(BaseModel, title="ScoresShown"):
    """All rows of one dimension in one period."""

    city: str
    period: str
    by: Dimension
    indicator_version: str
    provisional: bool = Field(default=True, description="A later step of a case may still change it.")
    rebuilding: bool = Field(description="Facts are being made anew from the log: cases are missing for a while.")
    rows: list[RowResponse]
    total: RowResponse | None = Field(description="All rows together; null for who may see one row only.")


class ScoreResponse(BaseModel, title="ScoreShown"):
    """One figure."""

    score_id: str
    city: str
    period: str
    by: Dimension
    key: str
    indicator: str
    indicator_version: str
    numerator: int
    denominator: int
    value: float | None


class CaseResponse(BaseModel, title="CaseShown"):
    """A case, under one of its assignments, that is in the denominator of a figure."""

    case_id: str
    assignment: int = Field(description="The department's turn with the case, counted from 1.")
    department: str
    day: date = Field(description="Of the report, in the city's time zone.")
    in_numerator: bool
    facts: list[str] = Field(description="What holds of it; the indicator's definition speaks of these.")


class ReceiptResponse(BaseModel, title="ReceiptShown"):
    """The cases that a figure is made of, a page of them."""

    score: ScoreResponse
    cases: list[CaseResponse]
    next: str | None = Field(description="Give it as `after` to get the next page; null: this was the last.")


class IndicatorsResponse(BaseModel, title="IndicatorsShown"):
    """A city's own definitions."""

    city: str
    pack: str = Field(description="Version of the city pack that they stand in.")
    version: str
    basis: str
    counts: tuple[Count, ...]
    rates: tuple[Rate, ...]


class SchemesResponse(BaseModel, title="SchemesShown"):
    """A city's evaluation schemes. There are none yet."""

    city: str
    schemes: list[str] = []


class ConservationResponse(BaseModel, title="ConservationShown"):
    """What scoring holds, counted row by row."""

    cases: int
    by_end: dict[str, int] = Field(description="Cases by what they have come to: open, closed, voided, not_accepted.")
    facts: int
    current: int
    tallied: int
    negative: int
    holds: bool
