"""核实 as a task: why a case needs verification, to which patrol it was given, and what the patrol answered."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from paidan_contracts.actions import Actor
from paidan_contracts.assignments import RuleRef
from paidan_contracts.extensible import ExtensibleEnum, Unknown
from paidan_contracts.wire import Code, SenderRef, WireModel

AnyVerificationAnswer: TypeAlias = Annotated[Literal["true", "not_true", "cannot_tell"] | Unknown, ExtensibleEnum()]
"""属实, 不属实, 无法核实."""


class Verification(WireModel):
    """What a clock of verification is for; its limit is the clock's."""

    required_by: RuleRef | None = Field(
        default=None, description="By which the report is not trusted: a rule of the pack, its source, or screening."
    )
    camera: SenderRef | None = Field(default=None, description="Whose alarm it was, where trust goes by its record.")
    post: Code | None = Field(default=None, description="The post to which it was given; None: to nobody yet.")
    given_by: Actor | None = Field(default=None, description="Who gave it; None: the pack's rule did.")
    answer: AnyVerificationAnswer | None = Field(default=None, description="None: it was not answered.")
