"""Requests for actions, as they enter the inbox: sender, action and id, with personal numbers masked.

The same content from the same sender makes the same request, over Kafka or HTTP. Free text is masked before the digest
is computed, so that neither the digest nor the inbox holds a personal number.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
from functools import cache
from math import inf
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args, get_origin, get_type_hints

from pydantic import ValidationError

from paidan_chassis import city_packs
from paidan_chassis.database import Executor, Pool
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.problems import forbidden
from paidan_chassis.errors import Halt
from paidan_contracts.actions import Action, ActionRequested, Actor, UnknownAction
from paidan_contracts.case_access import ACTION_ROLES
from paidan_contracts.city import City
from paidan_contracts.ids import area_of, city_of
from paidan_contracts.outcomes import Refusal
from paidan_contracts.pii_mask import mask
from paidan_contracts.pii_words import COMMON_TERMS, MaskingTerms
from paidan_contracts.scopes import Grants, grants_of
from paidan_contracts.unvalidated import replace_unvalidated
from paidan_contracts.wire import Reason, Text
from paidan_dispatch.cases.guards import ROLE_ACTIONS, SUPERVISORY_ACTIONS
from paidan_dispatch.city_packs import PackCache
from paidan_dispatch.inbox.load import load_known_outcomes
from paidan_dispatch.inbox.unit_of_work import DEAD_LETTERED

_FREE_TEXTS: Final = frozenset(get_args(Text)[1:] + get_args(Reason)[1:])
_REFRESH_TERMS_S: Final = 10.0


class CityTerms:
    """By what the words of each city are masked, and its time; at most some seconds behind the packs in force."""

    def __init__(self, packs: PackCache) -> None:
        self._packs = packs
        self._cities: dict[str, City] = {}
        self._refreshed_at_s = -inf

    async def refresh(self, executor: Executor) -> None:
        """Load the packs in force, unless that was done a moment ago. One that cannot be read changes nothing."""
        now_s = time.monotonic()
        if now_s - self._refreshed_at_s < _REFRESH_TERMS_S:
            return
        for city, version in (await city_packs.load_current_versions(executor)).items():
            with suppress(Halt, ValidationError):
                self._cities[city] = (await self._packs.get(executor, version)).city
        # Not before: without the terms of its city a text would be masked by the common ones alone.
        self._refreshed_at_s = now_s

    def of(self, case_id: str) -> MaskingTerms:
        """Return the terms of a case's city; of an unknown city, those that are common to all."""
        city = self._city_of(case_id)
        return city.masking if city else COMMON_TERMS

    def in_zone(self, case_id: str, stated: datetime | None) -> datetime | None:
        """Return a time as it was stated; one without a zone is that of the case's city."""
        if stated is None or stated.tzinfo is not None:
            return stated
        city = self._city_of(case_id)
        return stated.replace(tzinfo=city.zone if city else UTC)

    def _city_of(self, case_id: str) -> City | None:
        return self._cities.get(city_of(case_id.rpartition("-")[0]))


@dataclass(frozen=True, slots=True)
class RequestedAction:
    """An action that a sender requests, without the personal data in its free text: masked by its city's terms."""

    case_id: str
    action: Action
    occurred_at: datetime | None = None
    of_report: str | None = None
    _: KW_ONLY
    terms: MaskingTerms = field(default=COMMON_TERMS, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Mask free text, so that no caller can forget to."""
        object.__setattr__(self, "action", _mask_texts(self.action, self.terms))

    @property
    def digest(self) -> str:
        """SHA-256 of the content, so that another body under the same id is noticed."""
        occurred_at = self.occurred_at.astimezone(UTC).isoformat() if self.occurred_at else None
        content = [self.case_id, self.of_report, occurred_at, self.action.model_dump(mode="json", exclude_none=True)]
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Requester:
    """Who requests an action, by which ``door`` and under which id.

    ``may_backdate``: the sender's time of the action counts as the recorded time.
    """

    actor: Actor
    door: Literal["kafka", "http", "import"]
    action_id: str
    sender_ref: str | None = None
    answer_position: tuple[int, int] | None = None
    may_backdate: bool = False


class EarlierUse(NamedTuple):
    """What became of an id that a request uses: it is another's, or the request was refused before."""

    is_reused: bool
    refusal: Refusal | None


def build_request(requested_action: RequestedAction, requester: Requester, recorded_at: datetime) -> ActionRequested:
    """Return the inbox record of a requested action. Whether it is allowed is decided when it is consumed."""
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


def actor_of(principal: Principal, action: Action) -> Actor:
    """Return who acts. A key with several roles acts in one that may do this; whether it may now is decided later."""
    grants = grants_of(principal.scopes)
    if grants.department is not None:
        return Actor(kind="department", id=grants.department, person=principal.person, post=principal.post)
    roles = [role for role in ACTION_ROLES if role in grants.roles]
    if not roles and _supervises(principal, grants, action):
        roles = ["operator"]
    if not roles and grants.source is not None:
        return Actor(kind="source", id=grants.source)
    if not roles:
        raise forbidden("the key may not act on cases", "该密钥无权处理案件")
    holder = {"id": principal.key_id, "member": grants.member, "person": principal.person, "post": principal.post}
    actors = [Actor.model_validate({"kind": role, **holder}) for role in roles]
    return next((actor for actor in actors if action.kind in ROLE_ACTIONS[actor.kind]), actors[0])


def _supervises(principal: Principal, grants: Grants, action: Action) -> bool:
    """Return whether a supervisor asks, whose post decides; a monitor's key without a post only reads."""
    return principal.post is not None and "monitor" in grants.roles and action.kind in SUPERVISORY_ACTIONS


def request_sender(principal: Principal, actor: Actor) -> str:
    """Return the sender that action ids are derived from, so that those of two senders never collide.

    A department is the same sender over Kafka and HTTP. An import is the same under whichever key it runs again: its
    ids are those of the records.
    """
    if actor.kind == "importer":
        return f"role:importer:{principal.city}"
    if actor.kind == "source":
        return f"source:{actor.id}"
    return department_sender(actor.id) if actor.kind == "department" else f"role:{actor.kind}:{principal.key_id}"


def department_sender(department: str) -> str:
    """Return the sender that a department's action ids are derived from."""
    return f"department:{department}"


async def find_earlier(pool: Pool, requests: Sequence[ActionRequested]) -> list[EarlierUse]:
    """Return for each request whether its id was decided for, or is earlier in the list with, another body.

    What is in the log and not decided yet is not found: it is refused when it is consumed.
    """
    async with pool.acquire() as conn:
        known_outcomes = await load_known_outcomes(conn, {each.action_id for each in requests})
    # A dead letter may still be decided, by a redrive or when its sender sends it again.
    digests = {
        id_: outcome.digest.hex()
        for id_, outcome in known_outcomes.items()
        if outcome.digest and outcome.result != DEAD_LETTERED
    }
    refusals = {
        id_: Refusal.model_validate_json(each.why)
        for id_, each in known_outcomes.items()
        if each.why and each.result != DEAD_LETTERED
    }
    return [
        EarlierUse(digests.setdefault(each.action_id, each.digest) != each.digest, refusals.get(each.action_id))
        for each in requests
    ]


def _mask_texts(action: Action, terms: MaskingTerms) -> Action:
    if isinstance(action, UnknownAction):
        # What an unknown field holds cannot be judged, and the action is refused for its kind alone.
        return UnknownAction(kind=action.kind)
    texts = {name: text for name in _free_texts(type(action)) if (text := getattr(action, name))}
    masked = {name: mask(text, terms=terms).text for name, text in texts.items()}
    return action if masked == texts else replace_unvalidated(action, **masked)


@cache
def _free_texts(model: type[Action]) -> tuple[str, ...]:
    # By the types of the contract, so that the free text of a new action is masked, too.
    hints = get_type_hints(model, include_extras=True)
    return tuple(name for name in model.model_fields if _is_free_text(hints[name]))


def _is_free_text(hint: Any) -> bool:  # noqa: ANN401 - a type
    """Return whether a type is free text, perhaps with further constraints, or None."""
    if get_origin(hint) is Annotated:
        return not _FREE_TEXTS.isdisjoint(hint.__metadata__) or _is_free_text(hint.__origin__)
    return any(_is_free_text(part) for part in get_args(hint))
