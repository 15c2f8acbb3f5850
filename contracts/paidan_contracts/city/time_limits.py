"""How a city's time limits may be changed: extension, suspension, appeal, limits set by hand. Chains name duties."""

from typing import Annotated

from pydantic import Field

from paidan_contracts.city.pack_types import PackModel, TimeLimit
from paidan_contracts.city.posts import PostDuty

Chain = Annotated[tuple[PostDuty, ...], Field(min_length=1, max_length=6)]
"""The duties of those who decide, in order. A department's are those of the department that asks."""


class ExtensionPolicy(PackModel):
    """延期: adds the original limit to the current deadline."""

    times: int = Field(default=2, ge=1, le=10, description="How many may be granted to one assignment.")
    chain: Chain


class SuspensionPolicy(PackModel):
    """挂账: the clock of handling stands until a date."""

    days: int = Field(default=365, ge=1, le=3650, description="How many days a suspension may last.")
    chain: Chain


class AppealPolicy(PackModel):
    """申诉 against being overdue: once for each case, after closing."""

    within: TimeLimit | None = Field(default=None, description="After closing; None: at any time.")
    chain: Chain


class HandSetPolicy(PackModel):
    """限时, 限期整改: limits and plans that are set by hand."""

    duties: tuple[PostDuty, ...] = Field(min_length=1, description="The duties of those who may.")
