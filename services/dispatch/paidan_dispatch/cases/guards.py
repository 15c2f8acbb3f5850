"""Which action is allowed in which state, which role may ask for it, and what else a decision is judged by."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from paidan_contracts.actions import Actor
from paidan_contracts.state import Status

ActionKind: TypeAlias = Literal[
    "verify", "file", "assign", "redispatch", "accept", "return", "finish", "inspect", "call_back", "void", "urge",
    "amend", "reply", "correct", "note", "hand_on", "confirm", "escalate", "end_escalation",
    "ask_extension", "ask_suspension", "appeal", "review", "resume", "set_limit", "plan_step", "finish_step",
    "assign_verification", "cannot_verify", "plan_construction", "strike_off", "settle",
]  # fmt: skip
ActorRole: TypeAlias = Literal["department", "inspector", "caller", "operator", "importer", "source"]

SUPPORTED_ACTIONS: Final[frozenset[str]] = frozenset(get_args(ActionKind))
"""Every other action is refused: as ``not_supported_yet`` if the contract names it."""

_ESCALATING: Final[tuple[ActionKind, ...]] = ("escalate", "end_escalation")
_RECORDING: Final[tuple[ActionKind, ...]] = ("correct", "note")
_BUILDING: Final[tuple[ActionKind, ...]] = ("plan_construction", "strike_off")
_VERIFYING: Final[tuple[ActionKind, ...]] = ("assign_verification", "cannot_verify")

ALLOWED_ACTIONS: Final[MappingProxyType[Status, tuple[ActionKind, ...]]] = MappingProxyType(
    {
        "received": ("verify", "assign_verification", "cannot_verify", "settle", *_ESCALATING, *_RECORDING, "amend"),
        "filed": ("assign", "file", "void", "plan_construction", "strike_off", *_ESCALATING, *_RECORDING, "amend"),
        # Filing again keeps the status: it corrects the row, and with it the limit. Finishing accepts, too.
        "dispatched": (
            "accept", "finish", "return", "redispatch", "file", "void", "urge", "hand_on", "settle",
            "set_limit", "plan_step", "finish_step", "plan_construction", *_ESCALATING, *_RECORDING, "amend",
        ),
        "handling": (
            "finish", "return", "redispatch", "file", "void", "urge", "hand_on", "confirm", "ask_extension",
            "ask_suspension", "review", "set_limit", "plan_step", "finish_step", "plan_construction", *_ESCALATING,
            *_RECORDING, "amend",
        ),
        "suspended": ("resume", "redispatch", "void", *_ESCALATING, *_RECORDING),
        "inspecting": ("inspect", "redispatch", "void", *_ESCALATING, *_RECORDING, "amend"),
        "closed": ("call_back", "appeal", "review", "note", "amend"),
        "not_accepted": ("note", "amend"),
        "voided": ("note", "amend"),
    }
)  # fmt: skip

SUPERVISORY_ACTIONS: Final[frozenset[str]] = frozenset({*_ESCALATING, "urge", "note"})
"""Of an operator, and of a supervisor as far as the city's pack makes them the duty of its post."""
TIME_LIMIT_ACTIONS: Final[frozenset[str]] = frozenset(
    {"ask_extension", "ask_suspension", "appeal", "review", "resume", "set_limit", "plan_step", "finish_step"}
)
"""Of the department that leads, and of operators: those that help, and units, have no say in the limits."""

ROLE_ACTIONS: Final[MappingProxyType[ActorRole, frozenset[str]]] = MappingProxyType(
    {
        "department": frozenset({
            "accept", "return", "finish",
            "hand_on", "confirm", "ask_extension", "ask_suspension", "appeal", "review", "resume", "finish_step",
            "declare_emergency", "end_emergency",
        }),
        "inspector": frozenset({"verify", "cannot_verify", "settle", "inspect", "note"}),
        "caller": frozenset({"call_back", "reply", "note"}),
        "operator": frozenset({
            "verify", "assign_verification", "cannot_verify", "file", "assign", "redispatch", "void", "urge", "reply",
            *_ESCALATING, *_RECORDING,
            "review", "resume", "set_limit", "plan_step", "finish_step", *_BUILDING,
            "declare_emergency", "end_emergency",
        }),
        # An import repeats what others did, each at its own time, and corrects what it read.
        "importer": SUPPORTED_ACTIONS
        - {"reply", *_ESCALATING, *_RECORDING, *_VERIFYING, *_BUILDING, "settle"}
        - TIME_LIMIT_ACTIONS,
        # A hotline passes on that its reporter called again, about a report of its own.
        "source": frozenset({"urge"}),
    }
)  # fmt: skip


class ProofPhoto(NamedTuple):
    """A photo that was stored for a case, and the case, if any, in which it has proved something."""

    ref: str
    case_id: str
    holder: str
    """Who stored it, as ``kind:id``."""
    stored_at: datetime
    used_in: str | None = None
    used_round: int | None = None
    """The round of that case in which it first did."""


@dataclass(frozen=True, slots=True)
class ActionEvidence:
    """What the log said before, beside the case's state, that a decision on an action needs."""

    photos: Collection[ProofPhoto] = ()
    """Those that the action names."""
    report_source: str | None = None
    """The source of the report that the action names."""


NO_EVIDENCE: Final = ActionEvidence()


def may_reply(actor: Actor) -> bool:
    """Return whether an actor may reply to a noted report."""
    return "reply" in ROLE_ACTIONS[actor.kind]
