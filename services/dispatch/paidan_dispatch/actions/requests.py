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
from paidan_contracts.masking import mask
from paidan_contracts.unvalidated import changed
from paidan_contracts.wire import Reason, Text


@dataclass(frozen=True, slots=True)
class Asked:
    """What the sender said, whatever the door, without the telephone, identity and card numbers in its free text."""

    case_id: str
    action: Action
    occurred_at: datetime | None = None
    of_report: str | None = None

    def __post_init__(self) -> None:
        """Mask what was said, so that no door can forget to."""
        object.__setattr__(self, "action", _masked(self.action))

    @property
    def digest(self) -> str:
        """Fingerprint all that was said, so that another body under the same id is noticed."""
        occurred_at = self.occurred_at.astimezone(UTC).isoformat() if self.occurred_at else None
        said = [self.case_id, self.of_report, occurred_at, self.action.model_dump(mode="json", exclude_none=True)]
        return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who asks, by which door, under which id of their own. ``backdates``: their word on when it happened counts."""

    actor: Actor
    door: Literal["kafka", "http", "import"]
    action_id: str
    ref: str | None = None
    answer: tuple[int, int] | None = None
    backdates: bool = False


def request(asked: Asked, speaker: Speaker, recorded_at: datetime) -> ActionRequested:
    """Write what goes into the inbox. Whether it is allowed is judged there."""
    occurred_at = asked.occurred_at or recorded_at
    partition, offset = speaker.answer or (None, None)
    return ActionRequested(
        action_id=speaker.action_id,
        case_id=asked.case_id,
        of_report=asked.of_report,
        area=area_of(asked.case_id),
        actor=speaker.actor,
        door=speaker.door,
        digest=asked.digest,
        sender_ref=speaker.ref,
        answer_partition=partition,
        answer_offset=offset,
        occurred_at=occurred_at,
        recorded_at=occurred_at if speaker.backdates else recorded_at,
        action=asked.action,
    )


def _masked(action: Action) -> Action:
    texts = {name: getattr(action, name) for name in _free_texts(type(action))}
    masked = {name: mask(text).text for name, text in texts.items()}
    return action if masked == texts else changed(action, **masked)


@cache
def _free_texts(model: type[Action]) -> tuple[str, ...]:
    # By the kind of text that the contract names: a new action's reason is masked without anybody thinking of it.
    hints = get_type_hints(model, include_extras=True)
    return tuple(name for name in model.model_fields if hints[name] in (Text, Reason))
