"""HTTP response models."""

from datetime import date

from pydantic import BaseModel, Field

from paidan_contracts.city.indicators import Count, Rate
from paidan_contracts.city.pack_types import Names
from paidan_contracts.scores import Dimension


class RateResponse(BaseModel, title="RateShown"):
    """A rate, with its numerator, its denominator, and the id by which its cases can be listed."""

    numerator: int
    denominator: int
    value: float | None = Field(description="Null, never 0 or 1, where the denominator is 0.")
    score_id: str


class RowResponse(BaseModel, title="RowShown"):
    """The counts and rates of one department, district or the like."""

    key: str = Field(description="`unknown` is a key like any other.")
    names: Names | None = Field(default=None, description="The names in the city's pack.")
    counts: dict[str, int]
    rates: dict[str, RateResponse]


class ScoresResponse(BaseModel, title="ScoresShown"):
    """All rows of one dimension in one period."""

    city: str
    period: str
    by: Dimension
    indicator_version: str
    provisional: bool = Field(default=True, description="A later event of a case may still change it.")
    rebuilding: bool = Field(description="Facts are being rebuilt from the log: cases are missing for a while.")
    rows: list[RowResponse]
    total: RowResponse | None = Field(description="All rows together; null for a key with access to one row only.")


class ScoreResponse(BaseModel, title="ScoreShown"):
    """One score."""

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
    """A case, under one of its assignments, that a score counts, or has to leave out."""

    case_id: str
    assignment: int = Field(description="Number of the assignment within the case, counted from 1.")
    department: str
    day: date = Field(description="Date of the report, in the city's time zone.")
    in_numerator: bool
    in_denominator: bool
    facts: list[str] = Field(description="The facts that hold for it, to which the indicator's definition refers.")


class ReceiptResponse(BaseModel, title="ReceiptShown"):
    """A page of the cases of which a score consists."""

    score: ScoreResponse
    cases: list[CaseResponse]
    next: str | None = Field(description="Value of `after` for the next page; null on the last page.")


class IndicatorsResponse(BaseModel, title="IndicatorsShown"):
    """A city's own indicators."""

    city: str
    pack: str = Field(description="Version of the city pack that defines them.")
    version: str
    basis: str
    counts: tuple[Count, ...]
    rates: tuple[Rate, ...]


class SchemesResponse(BaseModel, title="SchemesShown"):
    """A city's evaluation schemes. There are none yet."""

    city: str
    schemes: list[str] = []


class ConservationResponse(BaseModel, title="ConservationShown"):
    """The contents of scoring's database, counted row by row."""

    cases: int
    by_end: dict[str, int] = Field(description="Cases by their end: open, closed, voided, not_accepted.")
    facts: int
    current: int
    tallied: int
    negative: int
    holds: bool
