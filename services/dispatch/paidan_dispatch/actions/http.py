"""The routes for actions: request one or many, and look up their outcomes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from paidan_chassis.clock import Clock
from paidan_chassis.database import Pool
from paidan_chassis.edge import ndjson, problems
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.problems import Problem
from paidan_chassis.errors import Unacknowledged
from paidan_chassis.kafka.producer import Publisher
from paidan_contracts import ids
from paidan_contracts.actions import ActionRequested
from paidan_contracts.scopes import covers_city, grants_of
from paidan_contracts.wire import CaseId
from paidan_dispatch.actions import route_docs
from paidan_dispatch.actions.dry_run import evaluate
from paidan_dispatch.actions.requests import RequestedAction, Requester, actor_of, build_request, request_sender
from paidan_dispatch.api import access, queries
from paidan_dispatch.api.models import ActionAccepted, ActionBody, ActionLine, OutcomeDetail, OutcomeList, OutcomeLookup
from paidan_dispatch.city_packs import PackCache
from paidan_dispatch.inbox import messages
from paidan_dispatch.inbox.load import load_known_outcomes
from paidan_dispatch.inbox.unit_of_work import DEAD_LETTERED

ACK_TIMEOUT_S: Final = 5.0
MAX_BATCH_BYTES: Final = 8_000_000
MAX_BATCH_LINES: Final = 2000
DryRun = Annotated[
    bool, Query(alias="dry-run", description="Evaluate it against the case's current state, and change nothing.")
]


@dataclass(frozen=True, slots=True)
class ActionRoutes:
    """``/v1/cases/{case_id}/actions``, ``/v1/actions``, ``/v1/outcomes/lookup``."""

    pool: Pool
    packs: PackCache
    clock: Clock
    publisher: Publisher

    def router(self) -> APIRouter:
        """Return the router with these routes. ``name`` is released: operation ids are made from it."""
        router = APIRouter(tags=["actions"])
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

        A repeat with the same `Idempotency-Key` is ignored. The same key with another body, or for another case, is
        refused: 409 `id_reused` once the first is decided. Of two that are sent before either is decided both get 202
        and the first is applied; a sender learns by 202 or 409 to a repeat whether it was its own.
        """
        requested_action = RequestedAction(case_id=case_id, action=body.action, occurred_at=body.occurred_at)
        action_request = self._build_request(requested_action, caller, _idempotency_key(http_request))
        if any(await _find_reused(self.pool, [action_request])):
            raise _id_reused("Idempotency-Key")
        if dry_run:
            [result] = await evaluate(self.pool, self.packs, [action_request])
            return _json_response(result.model_dump_json(), 200)
        await self._publish([action_request])
        return _json_response(ActionAccepted(action_id=action_request.action_id).model_dump_json(), 202)

    async def request_actions(self, caller: Caller, http_request: Request, *, dry_run: DryRun = False) -> Response:
        """Request many actions, one JSON line each. The answer has a line for each, in order: its id or its error.

        Blank lines are skipped and counted: each answer has its line's number in the file, from 1.
        An `id` that was used before for another action is `id_reused`, also within the batch: the first one remains.
        With `dry-run` each line is evaluated by itself, against its case's current state, and nothing is changed.
        """
        numbered_lines = await ndjson.read_lines(http_request, max_bytes=MAX_BATCH_BYTES, max_lines=MAX_BATCH_LINES)
        parsed = await self._refuse_reused_ids([self._parse_line(line, caller) for _, line in numbered_lines])
        requests = [each for each in parsed if isinstance(each, ActionRequested)]
        results = iter(await (self._dry_run_results(requests) if dry_run else self._accepted_results(requests)))
        bodies = [_error_line(each, dry_run=dry_run) if isinstance(each, Problem) else next(results) for each in parsed]
        numbers = (number for number, _ in numbered_lines)
        return ndjson.ndjson_response(zip(numbers, bodies, strict=True), 200 if dry_run else 202)

    async def show_outcome(self, action_id: str, caller: Caller) -> OutcomeDetail:
        """Return the outcome of an action: applied, or refused with the reason. 404 until it is decided.

        It is the outcome of the first action with this id. Where several senders use one id, send yours again: 409
        `id_reused` if it was another.
        """
        outcomes = await self._load_outcomes([action_id], caller) if queries.is_uuid(action_id) else []
        if not outcomes or outcomes[0].about != "action":
            raise problems.not_found("no such action, or it is not decided yet", "无此操作，或尚未有结果")
        return outcomes[0]

    async def look_up_outcomes(self, lookup: OutcomeLookup, caller: Caller) -> OutcomeList:
        """Return the outcomes of many reports and actions."""
        return OutcomeList(outcomes=await self._load_outcomes(lookup.ids, caller))

    async def _load_outcomes(self, outcome_ids: Collection[str], caller: Principal) -> list[OutcomeDetail]:
        outcomes = await queries.load_outcomes(self.pool, outcome_ids)
        return [outcome for outcome, scope in outcomes if _may_read_outcome(caller, scope)]

    def _build_request(self, requested_action: RequestedAction, caller: Principal, sender_ref: str) -> ActionRequested:
        if not covers_city(caller.city, ids.city_of(ids.area_of(requested_action.case_id))):
            raise problems.not_found("there is no such case", "无此案件")
        actor = actor_of(caller, requested_action.action)
        requester = Requester(
            actor=actor,
            door="import" if actor.kind == "importer" else "http",
            action_id=ids.action_id(request_sender(caller, actor), sender_ref),
            sender_ref=sender_ref,
            may_backdate=grants_of(caller.scopes).may_backdate,
        )
        return build_request(requested_action, requester, self.clock.now())

    def _parse_line(self, line: bytes, caller: Principal) -> ActionRequested | Problem:
        try:
            action_line = ActionLine.model_validate_json(line)
            requested_action = RequestedAction(
                action_line.case_id, action_line.action, action_line.occurred_at, action_line.of_report
            )
            return self._build_request(requested_action, caller, action_line.id)
        except ValidationError as error:
            return problems.from_validation_errors(
                error.errors(include_url=False, include_context=False, include_input=False)
            )
        except Problem as problem:
            return problem

    async def _refuse_reused_ids(self, parsed: Sequence[ActionRequested | Problem]) -> list[ActionRequested | Problem]:
        requests = [each for each in parsed if isinstance(each, ActionRequested)]
        reused_flags = iter(await _find_reused(self.pool, requests))
        return [
            _id_reused("id") if isinstance(each, ActionRequested) and next(reused_flags) else each for each in parsed
        ]

    async def _dry_run_results(self, requests: list[ActionRequested]) -> list[dict[str, Any]]:
        return [each.model_dump(mode="json") for each in await evaluate(self.pool, self.packs, requests)]

    async def _accepted_results(self, requests: list[ActionRequested]) -> list[dict[str, Any]]:
        await self._publish(requests)
        return [{"status": 202, "action_id": each.action_id} for each in requests]

    async def _publish(self, requests: list[ActionRequested]) -> None:
        try:
            await self.publisher.send([messages.request_message(each) for each in requests], timeout_s=ACK_TIMEOUT_S)
        except Unacknowledged as error:
            raise problems.unavailable() from error


def _may_read_outcome(caller: Principal, scope: queries.OutcomeScope) -> bool:
    if scope.area is not None and not access.covers_area(caller, scope.area):
        return False
    department = grants_of(caller.scopes).department
    if department is not None:
        return scope.sender == f"department:{department}"
    return access.may_read_cases(caller)


async def _find_reused(pool: Pool, requests: Sequence[ActionRequested]) -> list[bool]:
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
    return [digests.setdefault(each.action_id, each.digest) != each.digest for each in requests]


def _id_reused(field: str) -> Problem:
    message = (
        "this id was used before for another action or another case; the first remains, send this one with a new id"
    )
    return Problem(409, "id_reused", message, "该编号已用于其他操作或案件，以首次为准，请换用新编号", field)


def _idempotency_key(http_request: Request) -> str:
    key = http_request.headers.get("idempotency-key", "").strip()
    if not key:
        message = "the header Idempotency-Key is required: your own id for this action"
        raise Problem(400, "idempotency_key_missing", message, "缺少请求头 Idempotency-Key", "Idempotency-Key")
    if len(key) > 200:
        raise problems.invalid("Idempotency-Key", "it may have 200 characters at most")
    return key


def _error_line(problem: Problem, *, dry_run: bool) -> dict[str, Any]:
    # In a dry run's result ``status`` is the case's.
    return problem.body() if dry_run else {"status": problem.status, **problem.body()}


def _json_response(text: str, status: int) -> Response:
    return Response(text, status, media_type="application/json")
