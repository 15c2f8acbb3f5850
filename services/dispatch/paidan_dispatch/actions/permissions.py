"""Which kinds of action a caller may take on a case now: each is put to ``decide`` as a well-formed request.

No rule stands here: what is allowed, and which fields an action then needs beyond its contract, is asked of the
decision itself, by which the same request would be judged from the inbox.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, get_args, get_origin

from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.problems import Problem
from paidan_contracts import ids
from paidan_contracts.actions import Actor, File, KnownAction, SupportedAction
from paidan_contracts.assignments import open_unit_order
from paidan_contracts.extensible import kind_of_model
from paidan_contracts.outcomes import Refusal
from paidan_contracts.record_actions import Correct
from paidan_contracts.state import CaseState
from paidan_contracts.unsupported_actions import UnsupportedAction
from paidan_contracts.unvalidated import replace_unvalidated
from paidan_dispatch.actions.requests import RequestedAction, Requester, actor_of, build_request
from paidan_dispatch.cases.complaints import is_barred
from paidan_dispatch.cases.decide import Refused, decide
from paidan_dispatch.cases.guards import ActionEvidence, ProofPhoto
from paidan_dispatch.cases.limit_requests import open_steps
from paidan_dispatch.cases.patrols import may_verify, next_post
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.unit_rights import assignment_refusal

ACTION_MODELS: Final[Mapping[str, type[KnownAction]]] = MappingProxyType(
    {kind_of_model(model): model for model in (*get_args(SupportedAction), *get_args(UnsupportedAction))}
)
_PHOTO: Final = "0" * 64 + ".jpg"
_SOON: Final = timedelta(seconds=1)
_AFTER_EVERY_ORDER: Final = datetime.max.replace(tzinfo=UTC)
_MAY_BE_NEEDED: Final = ("reason", "proof", "report_id", "resume_at", "post")
"""Optional fields without which an action may be refused."""


class Requirement(NamedTuple):
    """With this value of a field, another one is needed."""

    field: str
    value: bool | str
    needs: str


class Permission(NamedTuple):
    """Whether an action of this kind would be applied; where it would, which optional fields it then needs."""

    kind: str
    refusal: Refusal | None
    needs: tuple[str, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    departments: tuple[str, ...] = ()
    """Of an action that names one: to which the caller may dispatch."""
    withheld: tuple[str, ...] = ()
    """Fields of a correction that are no duty of the caller's post."""


@dataclass(frozen=True, slots=True)
class PermissionQuery:
    """Who asks, about which case, when, and by which policy it is decided."""

    state: CaseState
    policy: CityPolicy
    caller: Principal
    at: datetime
    own_report: str | None = None
    """The report by which a source acts."""

    def permissions(self, kinds: Collection[str] = ()) -> list[Permission]:
        """Return for each of these kinds whether it is allowed, in the contract's order; of none, for every kind."""
        return [self._permission(model) for kind, model in ACTION_MODELS.items() if not kinds or kind in kinds]

    def assignable(self) -> Iterator[str]:
        """Yield the departments to which the caller may dispatch a case by hand."""
        post = Actor(kind="operator", id=self.caller.key_id, post=self.caller.post)
        for department in self.policy.city.departments:
            if assignment_refusal(self.state, department, post, self.policy.city) is None:
                yield department

    def _permission(self, model: type[KnownAction]) -> Permission:
        action = self._well_formed(model)
        try:
            refusal = self._refusal(action)
        except Problem as problem:
            # The key has no role that acts at all: the routes for actions answer so.
            message, message_zh = problem.message, problem.message_zh
            refusal = Refusal(code="not_your_role", field="actor", message=message, message_zh=message_zh)
        if refusal is not None and (other := self._otherwise(action, refusal)) is not None:
            action, refusal = other, None
        if refusal is not None:
            return Permission(action.kind, refusal)
        fields = model.model_fields
        optional = {n: fields[n].default for n in _MAY_BE_NEEDED if n in fields and not fields[n].is_required()}
        needs = [name for name, empty in optional.items() if self._lacks(action, {name: empty}) == name]
        bare = replace_unvalidated(action, **{name: empty for name, empty in optional.items() if name not in needs})
        requirements = [
            Requirement(name, value, lacking)
            for name, value in _choices(model)
            if (lacking := self._lacks(bare, {name: value})) in optional
        ]
        departments = tuple(self.assignable()) if action.kind in ("assign", "redispatch") else ()
        withheld = tuple(self._withheld()) if isinstance(action, Correct) else ()
        return Permission(action.kind, None, tuple(needs), tuple(requirements), departments, withheld)

    def _withheld(self) -> Iterator[str]:
        """Yield the fields that the caller may not correct, by the duty of its post."""
        for name in ("class_code", "row_id", "department") if self.caller.post is not None else ():
            refusal = self._refusal(replace_unvalidated(Correct(reason="reason"), **{name: "any"}))
            if refusal is not None and refusal.code == "not_your_duty":
                yield name

    def _otherwise(self, action: KnownAction, refusal: Refusal) -> KnownAction | None:
        """Return the action with another value of the field for which it is refused, if it would be applied so."""
        others = (
            replace_unvalidated(action, **{name: value})
            for name, value in _choices(type(action))
            if refusal.field == f"action.{name}"
        )
        if isinstance(action, File) and refusal.code == "calendar_ended":
            others = (File(row_id=each) for each in self._rows_of_other_limits(action.row_id))
        return next((each for each in others if self._refusal(each) is None), None)

    def _rows_of_other_limits(self, row_id: str) -> Iterator[str]:
        """Yield one row of each limit: a shorter one may end before the calendar does, and some rows have none."""
        rows = self.policy.city.rows
        limits = {self.policy.handling_limit(each): each.id for each in rows.values()}
        own = self.policy.handling_limit(rows.get(row_id))
        yield from (row for limit, row in limits.items() if limit != own)

    def _lacks(self, action: KnownAction, changes: Mapping[str, Any]) -> str:
        """Return the field of the action for which it is refused with these changes; empty if it is not."""
        refusal = self._refusal(replace_unvalidated(action, **changes))
        _, _, name = (refusal.field or "" if refusal else "").partition("action.")
        return name

    def _refusal(self, action: KnownAction) -> Refusal | None:
        actor = actor_of(self.caller, action)
        requester = Requester(actor=actor, door="http", action_id=ids.action_id("permission", action.kind))
        requested = RequestedAction(self.state.case_id, action, of_report=self.own_report)
        request = build_request(requested, requester, self.at)
        # As if the actor had stored the photo for the case, and late enough.
        photo = ProofPhoto(_PHOTO, self.state.case_id, f"{actor.kind}:{actor.id}", _AFTER_EVERY_ORDER)
        evidence = ActionEvidence([photo], actor.id if self.own_report is not None else None)
        result = decide(self.state, request, self.policy, evidence)
        return result.refusal if isinstance(result, Refused) else None

    def _well_formed(self, model: type[KnownAction]) -> KnownAction:
        state, city = self.state, self.policy.city
        others = (each for each in self.assignable() if each != state.department and not is_barred(state, each, city))
        default_row = city.default_rows.get(state.class_code or "")
        rows = [state.row_id, default_row and default_row.id, *city.rows]
        values: dict[str, Any] = {
            "verified": True,
            "confirmed": True,
            "unit": next(iter(units_to_hand_on_to(state, self.policy)), "none"),
            "passed": True,
            "department": next(others, state.department) if "department" in model.model_fields else None,
            "row_id": next((each for each in rows if each in city.rows), "none"),
            "code": "other",
            "rating": "satisfied",
            "reason": "reason",
            "text": "text",
            "proof": (_PHOTO,),
            "report_id": next(iter(state.callbacks_awaited), state.opened_by),
            "approved": True,
            "resume_at": self.at + _SOON,
            "due_at": self.at + _SOON,
            "post": next_post(state, self.policy)
            or next((each.id for each in city.posts.values() if may_verify(each, state, self.policy)), None),
            "step": next((each.number for each in open_steps(state)), 1),
        }
        if model is Correct:
            # Something must be corrected; which field is the caller's to choose.
            named = next(others, None) if state.confidential else None
            return Correct(text=None if state.confidential else "text", complained_of=named, reason="reason")
        fields = model.model_fields.items()
        return model(**{n: values[n] for n, field in fields if field.is_required() or n in _MAY_BE_NEEDED})


def units_to_hand_on_to(state: CaseState, policy: CityPolicy) -> tuple[str, ...]:
    """Return to which units the holder of an order inside its department may hand it on, and has not."""
    order, lead = open_unit_order(state.assignments), state.department or ""
    holders = (order.unit, lead) if order is not None else (lead,)
    targets = dict.fromkeys(each for holder in holders for each in policy.city.units.targets_of(holder))
    free = (each for each in targets if not is_barred(state, each, policy.city))
    return tuple(each for each in free if order is None or each != order.unit)


def _choices(model: type[KnownAction]) -> Iterator[tuple[str, bool | str]]:
    """Yield each value of each field that has few of them."""
    for name, field in model.model_fields.items():
        if field.annotation is bool:
            yield from ((name, True), (name, False))
        elif get_origin(field.annotation) is Literal and name != "kind":
            yield from ((name, value) for value in get_args(field.annotation))
