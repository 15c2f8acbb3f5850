"""The case event of a problem that was settled on the spot 自行处置."""

from typing import Literal

from paidan_contracts.case_event import CaseEvent
from paidan_contracts.places import WorkPlace
from paidan_contracts.wire import PhotoRef, Slug, Text


class CaseSettled(WorkPlace, CaseEvent):
    """自行处置: a patrol settled it on the spot; it is closed, or awaits inspection where the city's pack says so."""

    type: Literal["case.settled.v1"] = "case.settled.v1"
    department: Slug
    text: Text = ""
    proof: tuple[PhotoRef, ...] = ()
