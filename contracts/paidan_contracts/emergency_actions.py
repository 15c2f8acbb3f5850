"""Actions on a city as a whole: an emergency or an event is declared, and ends."""

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field

from paidan_contracts.lenient_types import FreeText, RequiredCode, RequiredWord, StatedTime
from paidan_contracts.wire import Code, Id, WireModel


class DeclareEmergency(WireModel):
    """启动应急响应、重大活动保障: a plan of the city's pack holds on one of its levels, from an instant on."""

    kind: Literal["declare_emergency"] = "declare_emergency"
    plan: RequiredCode = Field(description="A plan of the city's pack.")
    level: RequiredCode = Field(description="One of the plan's levels.")
    places: Annotated[tuple[Code, ...], Field(max_length=50)] = Field(
        default=(), description="Districts, streets and communities where it holds; none: in the whole city."
    )
    begins_at: StatedTime = Field(default=None, description="None: at once. Without a zone it is the city's time.")
    ends_at: StatedTime = Field(default=None, description="When it ends by itself; of an event it is needed.")
    reason: FreeText = ""


class EndEmergency(WireModel):
    """终止应急响应、重大活动保障: what was declared is over."""

    kind: Literal["end_emergency"] = "end_emergency"
    declaration_id: Annotated[Id, RequiredWord] = Field(description="The action that declared it.")
    reason: FreeText = ""


CityAction: TypeAlias = DeclareEmergency | EndEmergency
CITY_ACTIONS: Final = (DeclareEmergency, EndEmergency)
CITY_ACTION_KINDS: Final = frozenset({"declare_emergency", "end_emergency"})
"""They are asked for on routes of their own, and in a department's answer; no case takes them."""
