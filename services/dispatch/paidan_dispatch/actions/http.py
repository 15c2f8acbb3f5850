"""The routes for actions: request one or many, and look up their outcomes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter, ValidationError

from paidan_chassis.clock import Clock
from paidan_chassis.database import Pool
from paidan_chassis.edge import ndjson, problems
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.middleware import parse_body
from paidan_chassis.edge.problems import Problem
from paidan_chassis.edge.query import DryRun
from paidan_chassis.edge.rate_limit import charge
from paidan_chassis.edge.routes import create_router, require_header
from paidan_chassis.errors import Unacknowledged
from paidan_chassis.kafka.producer import Publisher
from paidan_contracts import ids
from paidan_contracts.actions import ActionRequested
from paidan_contracts.emergency_actions import CITY_ACTIONS
from paidan_contracts.scopes import covers_city, grants_of
from paidan_contracts.wire import CaseId, Id, SenderRef
from paidan_dispatch.actions import route_docs
from paidan_dispatch.actions.bounds import refuse_out_of_bounds, require_within_bounds
from paidan_dispatch.actions.dry_run import evaluate
from paidan_dispatch.actions.requests import (
    CityTerms,
    EarlierUse,
    RequestedAction,
    Requester,
    actor_of,
    build_request,
    find_earlier,
    request_sender,
)
from paidan_dispatch.api import access, queries
from paidan_dispatch.api.models import ActionAccepted, ActionBody, ActionLine, OutcomeDetail, OutcomeList, OutcomeLookup
from paidan_dispatch.city_packs import PackCache
from paidan_dispatch.inbox import messages

ACK_TIMEOUT_S: Final = 5.0
MAX_BATCH_BYTES: Final = 8_000_000
MAX_BATCH_LINES: Final = 2000
IDEMPOTENCY_HEADER: Final = "Idempotency-Key"
_SENDER_REF: Final[TypeAdapter[str]] = TypeAdapter(SenderRef)


@dataclass(frozen=True, slots=True)
class ActionRoutes:
    """``/v1/cases/{case_id}/actions``, ``/v1/actions``, ``/v1/outcomes/lookup``."""

    pool: Pool
    packs: PackCache
    clock: Clock
    publisher: Publisher
    terms: CityTerms

    def router(self) -> APIRouter:
        """Return the router with these routes. ``name`` is released: operation ids are made from it."""
        router = create_router(tags=["actions"])
        router.add_api_route(
            "/v1/cases/{case_id}/actions", self.request_action, name="act", methods=["POST"],
            status_code=202, response_model=None,
            summary="Ask for an action",
            responses=route_docs.ACTION_RESPONSES, openapi_extra=route_docs.IDEMPOTENCY_KEY,
        )  # fmt: skip
        router.add_api_route(
            "/v1/actions/batch", self.request_actions, name="act_on_lines", methods=["POST"],
            status_code=202, response_model=None,
            summary="Ask for many actions", response_class=Response,
            responses=route_docs.BATCH_RESPONSES, openapi_extra=route_docs.BATCH_REQUEST,
        )  # fmt: skip
        router.add_api_route(
            "/v1/actions/{action_id}", self.show_outcome, name="became", methods=["GET"],
            response_model=OutcomeDetail,
            summary="What became of an action",
        )  # fmt: skip
        router.add_api_route(
            "/v1/outcomes/lookup", self.look_up_outcomes, name="look_up", methods=["POST"],
            response_model=OutcomeList,
            summary="What became of many reports and actions",
        )  # fmt: skip
        return router

    async def request_action(
        self, case_id: CaseId, body: ActionBody, caller: Caller, http_request: Request, *, dry_run: DryRun = False
    ) -> Response:
        """Request an action. It is accepted once it is stored in Kafka; its outcome can be read under its id.

        A repeat with the same `Idempotency-Key` changes nothing; if the first was refused, it is told so again. The
        same key with another body, or for another case, is refused: 409 `id_reused` once the first is decided. Of two
        that are sent before either is decided both get 202 and the first is applied; a sender learns by 202 or 409 to
        a repeat whether it was its own.
        """
        requested_action = RequestedAction(case_id, body.action, body.occurred_at, body.of_report)
        return await self.submit(requested_action, caller, http_request, dry_run=dry_run)

    async def submit(
        self, requested_action: RequestedAction, caller: Principal, http_request: Request, *, dry_run: bool
    ) -> Response:
        """Put an action into the inbox, or evaluate it without effect."""
        await self.terms.refresh(self.pool)
        action_request = self._build_request(requested_action, caller, _idempotency_key(http_request))
        if grants_of(caller.scopes).is_bounded and not isinstance(requested_action.action, CITY_ACTIONS):
            await require_within_bounds(self.pool, action_request, caller)
        [earlier] = await find_earlier(self.pool, [action_request])
        if earlier.is_reused:
            raise _id_reused(IDEMPOTENCY_HEADER)
        if dry_run:
            [result] = await evaluate(self.pool, self.packs, [action_request])
            return _json_response(result.model_dump_json(), 200)
        await self._publish([action_request])
        return _json_response(_accepted(action_request, earlier).model_dump_json(exclude_none=True), 202)

    async def request_actions(self, caller: Caller, http_request: Request, *, dry_run: DryRun = False) -> Response:
        """Request many actions, one JSON line each. The answer has a line for each, in order: its id or its error.

        Blank lines are skipped and counted: each answer has its line's number in the file, from 1.
        An `id` that was used before for another action is `id_reused`, also within the batch: the first one remains.
        With `dry-run` each line is evaluated by itself, against its case's current state, and nothing is changed.
        """
        await self.terms.refresh(self.pool)
        numbered_lines = await ndjson.read_lines(http_request, max_bytes=MAX_BATCH_BYTES, max_lines=MAX_BATCH_LINES)
        await charge(http_request, len(numbered_lines) - 1)
        lines = [self._parse_line(line, caller) for _, line in numbered_lines]
        if grants_of(caller.scopes).is_bounded:
            lines = await refuse_out_of_bounds(self.pool, lines, caller)
        parsed, earlier = await self._find_earlier_lines(lines)
        requests = [each for each in parsed if isinstance(each, ActionRequested)]
        results = iter(
            await (self._dry_run_results(requests) if dry_run else self._accepted_results(requests, earlier))
        )
        bodies = [_error_line(each, dry_run=dry_run) if isinstance(each, Problem) else next(results) for each in parsed]
        numbers = (number for number, _ in numbered_lines)
        return ndjson.ndjson_response(zip(numbers, bodies, strict=True), 200 if dry_run else 202)

    async def show_outcome(self, action_id: Id, caller: Caller) -> OutcomeDetail:
        """Return the outcome of an action: applied, or refused with the reason. 404 until it is decided.

        It is the outcome of the first action with this id. Where several senders use one id, send yours again: 409
        `id_reused` if it was another.
        """
        outcomes = await self._load_outcomes([action_id], caller)
        if not outcomes or outcomes[0].about != "action":
            raise problems.not_found("no such action, or it is not decided yet", "无此操作，或尚未有结果")
        return outcomes[0]

    async def look_up_outcomes(self, lookup: OutcomeLookup, caller: Caller) -> OutcomeList:
        """Return the outcomes of many reports and actions."""
        return OutcomeList(outcomes=await self._load_outcomes(lookup.ids, caller))

    async def _load_outcomes(self, outcome_ids: Collection[str], caller: Principal) -> list[OutcomeDetail]:
        outcomes = await queries.load_outcomes(self.pool, outcome_ids)
        return [outcome for outcome, scope in outcomes if access.may_read_outcome(caller, scope)]

    def _build_request(self, requested_action: RequestedAction, caller: Principal, sender_ref: str) -> ActionRequested:
        if not covers_city(caller.city, ids.city_of(ids.area_of(requested_action.case_id))):
            raise access.no_such_case()
        case_id, occurred_at = requested_action.case_id, requested_action.occurred_at
        requested_action = replace(
            requested_action,
            occurred_at=self.terms.in_zone(case_id, occurred_at),
            terms=self.terms.of(case_id),
        )
        actor = actor_of(caller, requested_action.action)
        requester = Requester(
            actor=actor,
            door="import" if actor.kind == "importer" else "http",
            action_id=ids.action_id(request_sender(caller, actor), sender_ref),
            sender_ref=sender_ref,
            may_backdate=grants_of(caller.scopes).may_backdate,
        )
        return build_request(requested_action, requester, self.clock.now())

    def _parse_line(self, raw: bytes, caller: Principal) -> ActionRequested | Problem:
        try:
            line = parse_body(ActionLine, raw)
            requested = RequestedAction(line.case_id, line.action, line.occurred_at, line.of_report)
            return self._build_request(requested, caller, line.id)
        except Problem as problem:
            return problem

    async def _find_earlier_lines(
        self, parsed: Sequence[ActionRequested | Problem]
    ) -> tuple[list[ActionRequested | Problem], list[EarlierUse]]:
        """Return the lines, those that reuse an id as problems, and what became of the others' ids."""
        requests = [each for each in parsed if isinstance(each, ActionRequested)]
        found = await find_earlier(self.pool, requests)
        uses = iter(found)
        lines = [
            _id_reused("id") if isinstance(each, ActionRequested) and next(uses).is_reused else each for each in parsed
        ]
        return lines, [each for each in found if not each.is_reused]

    async def _dry_run_results(self, requests: list[ActionRequested]) -> list[dict[str, Any]]:
        return [each.model_dump(mode="json") for each in await evaluate(self.pool, self.packs, requests)]

    async def _accepted_results(
        self, requests: list[ActionRequested], earlier: list[EarlierUse]
    ) -> list[dict[str, Any]]:
        await self._publish(requests)
        accepted = [_accepted(request, use) for request, use in zip(requests, earlier, strict=True)]
        return [{"status": 202, **each.model_dump(mode="json", exclude_none=True)} for each in accepted]

    async def _publish(self, requests: list[ActionRequested]) -> None:
        try:
            await self.publisher.send([messages.request_message(each) for each in requests], timeout_s=ACK_TIMEOUT_S)
        except Unacknowledged as error:
            raise problems.unavailable() from error


def _accepted(request: ActionRequested, earlier: EarlierUse) -> ActionAccepted:
    result: Literal["refused"] | None = "refused" if earlier.refusal else None
    return ActionAccepted(action_id=request.action_id, result=result, why=earlier.refusal)


def _id_reused(field: str) -> Problem:
    message = (
        "this id was used before for another action or another case; the first remains, send this one with a new id"
    )
    return Problem(409, "id_reused", message, "该编号已用于其他操作或案件，以首次为准，请换用新编号", field)


def _idempotency_key(http_request: Request) -> str:
    try:
        return _SENDER_REF.validate_python(require_header(http_request.scope, IDEMPOTENCY_HEADER))
    except ValidationError as error:
        raise problems.from_validation_errors(error.errors(), field=IDEMPOTENCY_HEADER) from None


def _error_line(problem: Problem, *, dry_run: bool) -> dict[str, Any]:
    # In a dry run's result ``status`` is the case's.
    return problem.body() if dry_run else {"status": problem.status, **problem.body()}


def _json_response(text: str, status: int) -> Response:
    return Response(text, status, media_type="application/json")
