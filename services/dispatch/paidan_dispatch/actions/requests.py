"""What somebody asks to be done, from either door, as it goes into the inbox. The same words make the same request.

Free text is masked here, before anything is made of it: neither the digest nor the inbox knows a personal number.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Literal, get_type_hints

from paidan_contracts.actions import Action, ActionRequested, Actor
from paidan_contracts.ids import area_of
from paidan_contracts.pii_mask import mask
from paidan_contracts.unvalidated import replace_unvalidated
from paidan_contracts.wire import Reason, Text


@dataclass(frozen=True, slots=True)
class RequestedAction:
    """What the sender said, whatever the door, without the telephone, identity and card numbers in its free text."""

    case_id: str
    action: Action
    occurred_at: datetime | None = None
    of_report: str | None = None

    def __post_init__(self) -> None:
        """Mask what was said, so that no door can forget to."""
        object.__setattr__(self, "action", _mask_texts(self.action))

    @property
    def digest(self) -> str:
        """Fingerprint all that was said, so that another body under the same id is noticed."""
        occurred_at = self.occurred_at.astimezone(UTC).isoformat() if self.occurred_at else None
        content = [self.case_id, self.of_report, occurred_at, self.action.model_dump(mode="json", exclude_none=True)]
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks, by which door, under which id of their own. ``backdates``: their word on when it happened counts."""

    actor: Actor
    door: Literal["kafka", "http", "import"]
    action_id: str
    sender_ref: str | None = None
    answer_position: tuple[int, int] | None = None
    may_backdate: bool = False


def build_request(requested_action: RequestedAction, requester: Requester, recorded_at: datetime) -> ActionRequested:
    """Write what goes into the inbox. Whether it is allowed is judged there."""
    occurred_at = requested_action.occurred_at or recorded_at
    partition, offset = requester.answer_position or (None, None)
    return ActionRequested(
        action_id=requester.action_id,
        case_id=requested_action.case_id,
        of_report=requested_action.of_report,
        area=area_of(requested_action.case_id),
        actor=requester.actor,
        door=requester.door,
        digest=requested_action.digest,
        sender_ref=requester.sender_ref,
        answer_partition=partition,
        answer_offset=offset,
        occurred_at=occurred_at,
        recorded_at=occurred_at if requester.may_backdate else recorded_at,
        action=requested_action.action,
    )


def _mask_texts(action: Action) -> Action:
    texts = {name: getattr(action, name) for name in _free_texts(type(action))}
    masked = {name: mask(text).text for name, text in texts.items()}
    return action if masked == texts else replace_unvalidated(action, **masked)


@cache
def _free_texts(model: type[Action]) -> tuple[str, ...]:
    # By the kind of text that the contract names: a new action's reason is masked without anybody thinking of it.
    hints = get_type_hints(model, include_extras=True)
    return tuple(name for name in model.model_fields if hints[name] in (Text, Reason))
