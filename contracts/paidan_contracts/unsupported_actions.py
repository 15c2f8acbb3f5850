"""Actions of the trade that may be sent already, and are refused until dispatch supports them."""

from typing import Literal, TypeAlias

from paidan_contracts.lenient_types import FreeText
from paidan_contracts.wire import WireModel


class _NotSupportedYet(WireModel):
    """An action of the trade that may be sent already and is refused with ``not_supported_yet``."""

    def __init_subclass__(cls, *, zh: str) -> None:
        """Describe the action: each differs from the others in its name alone."""
        super().__init_subclass__()
        cls.__doc__ = f"{zh}. Not supported yet: refused with the code not_supported_yet."


class Adjudicate(_NotSupportedYet, zh="审定"):
    kind: Literal["adjudicate"] = "adjudicate"
    reason: FreeText = ""


class CoHandle(_NotSupportedYet, zh="协办"):
    kind: Literal["co_handle"] = "co_handle"
    reason: FreeText = ""


class ForceClose(_NotSupportedYet, zh="强制结案"):
    kind: Literal["force_close"] = "force_close"
    reason: FreeText = ""


UnsupportedAction: TypeAlias = Adjudicate | CoHandle | ForceClose
