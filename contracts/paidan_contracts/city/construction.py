"""A city's terms of its construction plan 建设计划, where wishes wait for what does not exist yet."""

from pydantic import Field

from paidan_contracts.city.pack_types import PackModel
from paidan_contracts.city.posts import PostDuty
from paidan_contracts.wire import MatterType


class ConstructionPolicy(PackModel):
    """建设计划: what may go there, and who decides so."""

    duties: tuple[PostDuty, ...] = Field(min_length=1, description="The duties of those who plan and strike off.")
    matters: tuple[MatterType, ...] | None = Field(
        default=None, min_length=1, description="Only cases of these matters; None: of any."
    )
