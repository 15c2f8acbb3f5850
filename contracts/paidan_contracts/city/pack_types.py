"""Field types and the base class of a city pack's parts."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Text = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00]*$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\x00]*$")]
CityId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{1,30}$")]
"""The first part of every area and case id, and so without dot and dash."""
ClassCode = Annotated[str, StringConstraints(pattern=r"^[CE][0-9]{2}[0-9]{2,3}$")]
"""``E0110``: C component (部件) or E event (事件), big class, small class (two digits, three in some cities)."""
ClassPattern = Annotated[str, StringConstraints(pattern=r"^(\*|[CE][0-9]{0,5}\*|[CE][0-9]{4,5})$")]
"""A class code, or a prefix and a star: ``C01*`` matches every 公用设施, ``E*`` every event, ``*`` every class."""
RowId = Annotated[str, StringConstraints(pattern=r"^[CE][0-9]{4,5}-[A-Za-z0-9]{1,8}$")]
"""Class code, dash, condition code: ``E0110-1``."""
PlaceCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,15}$")]
"""Code of a district (6 digits by GB/T 2260 in China), street (9) or community (12)."""
TimeUnit = Literal["working_hour", "working_day", "urgent_minute", "urgent_hour", "urgent_day"]
"""工作时 and 工作日 count working time only; 紧急 units include nights and holidays."""


class PackModel(BaseModel):
    """Base of a pack's parts: frozen; an unknown field is an error, because it is probably misspelt."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Names(PackModel):
    """A name in Chinese and in English."""

    zh: Name
    en: Name


class TimeLimit(PackModel):
    """A duration: 4 工作时, 2 紧急工作时, 5 工作日; in a pack's files ``4 working_hour``.

    No ``timedelta``, because its end depends on the city's calendar: dispatch computes it. A working day has the
    working hours of one day of the calendar.
    """

    amount: int = Field(gt=0, le=10_000)
    unit: TimeUnit

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        amount, _, unit = value.partition(" ")
        return {"amount": amount, "unit": unit}
