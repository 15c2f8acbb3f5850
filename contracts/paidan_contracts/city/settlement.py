"""A city's terms of what patrols settle on the spot 自行处置."""

from pydantic import Field

from paidan_contracts.city.pack_types import ClassPattern, PackModel
from paidan_contracts.city.posts import PostDuty


class SettlementPolicy(PackModel):
    """自行处置: who may settle what, and whether that is inspected."""

    duties: tuple[PostDuty, ...] = Field(min_length=1, description="The duties of those who may.")
    classes: tuple[ClassPattern, ...] | None = Field(default=None, description="Only cases of these; None: of any.")
    photo: bool = Field(default=True, description="Whether a photo of afterwards is needed.")
    inspected: bool = Field(default=False, description="Whether somebody else inspects it; False: it is closed.")
