"""A city's emergency plans (应急响应, 重大活动保障): levels, the limits that they shorten, standing orders."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from paidan_contracts.city.organisation import DepartmentId
from paidan_contracts.city.pack_types import ClassPattern, Names, PackModel, Text, TimeLimit
from paidan_contracts.city.posts import PostDuty

PlanId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,22}$")]
LevelId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,15}$")]
"""Short enough that plan and level together are the code of a rule."""


class Instruction(PackModel):
    """What a standing order tells its departments, in Chinese and in English."""

    zh: Text
    en: Text


class StandingOrder(PackModel):
    """常备令: an order to departments without a case, in force as long as its emergency is."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    departments: tuple[DepartmentId, ...] = Field(min_length=1)
    text: Instruction


class LimitReduction(PackModel):
    """How the limits of some classes shorten. Of a level's the first that matches a class applies.

    What is to be handled has its limit, or a share of the usual one, from the beginning of either.
    """

    classes: tuple[ClassPattern, ...] | None = Field(default=None, description="None: of every class.")
    accept: TimeLimit | None = Field(
        default=None, description="签收: the limit of orders that are issued from then on."
    )
    handle: TimeLimit | None = Field(default=None, description="处置: the limit itself, from its beginning.")
    share: float | None = Field(
        default=None, gt=0, lt=1, description="处置: the share of the usual limit that is left."
    )


class EmergencyLevel(PackModel):
    """A level of a plan, such as 三级响应; an event may have one alone."""

    id: LevelId
    names: Names
    priority: int = Field(default=1, ge=1, le=9, description="In queues: cases of a higher one come first.")
    limits: tuple[LimitReduction, ...] = ()
    orders: tuple[StandingOrder, ...] = Field(default=(), description="常备令.")


class EmergencyPlan(PackModel):
    """应急预案 or 保障方案: what may be declared, by whom, on which levels, and what then holds."""

    id: PlanId
    names: Names
    kind: Literal["emergency", "event"] = Field(
        default="emergency", description="event: 重大活动保障, for which the end of its hours is stated."
    )
    duties: tuple[PostDuty, ...] = Field(min_length=1, description="The duties of those who may declare and end it.")
    departments: tuple[DepartmentId, ...] = Field(
        default=(), description="Departments that may, too, such as that of emergency management."
    )
    minimum: TimeLimit = Field(
        description="No limit that runs ends sooner than this after the emergency begins, whatever its level says."
    )
    restore: bool = Field(
        default=False,
        description="As it ends, limits that run get back their former end; False: they keep what they have.",
    )
    levels: tuple[EmergencyLevel, ...] = Field(min_length=1, description="From the mildest to the gravest.")
