"""The desk's HTTP door: actions taken one by one or in batches, and what became of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import asyncpg
from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from paidan_chassis.clock import Clock
from paidan_chassis.consumer.errors import Unacknowledged
from paidan_chassis.edge import problems
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import Caller, read_body
from paidan_chassis.edge.problems import ErrorBody, Problem
from paidan_chassis.kafka.producer import Publisher
from paidan_contracts import ids
from paidan_contracts.actions import ActionRequested
from paidan_contracts.wire import CaseId
from paidan_dispatch.actions import ndjson
from paidan_dispatch.actions.dry_run import judge
from paidan_dispatch.actions.idempotency import id_reused, reused
from paidan_dispatch.actions.requests import Asked, Speaker, request
from paidan_dispatch.api import access, queries
from paidan_dispatch.api.models import (
    ActionAsked,
    ActionLine,
    Judged,
    Lookup,
    Outcomes,
    OutcomeShown,
    Taken,
)
from paidan_dispatch.city_packs import Cities
from paidan_dispatch.inbox import messages

ACKNOWLEDGED_WITHIN_S: Final = 5.0
# By hand, for a header that FastAPI finds missing would be 422, and said to be a field of the body.
_KEY: Final = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": True,
            "description": "Your own id for this action; a repeat under the same key is dropped.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 200},
        }
    ]
}
_REUSED: Final = {"model": ErrorBody, "description": "The key was used before for something else; that one stands."}
DryRun = Annotated[bool, Query(alias="dry-run", description="Judge it against the case as it is now, and do nothing.")]


@dataclass(frozen=True, slots=True)
class ActionRoutes:
    """``/v1/cases/{case_id}/actions``, ``/v1/actions``, ``/v1/outcomes/lookup``."""

    pool: "asyncpg.Pool[Any]"
    cities: Cities
    clock: Clock
    publisher: Publisher

    def router(self) -> APIRouter:
        """Give the routes."""
        router = APIRouter(tags=["actions"])
        refused: dict[int | str, dict[str, Any]] = {503: {"model": ErrorBody, "description": "Send it again."}}
        router.add_api_route(
            "/v1/cases/{case_id}/actions", self.act, methods=["POST"], status_code=202, response_model=None,
            summary="Ask for an action",
            responses={202: {"model": Taken}, 200: {"model": Judged}, 409: _REUSED, **refused}, openapi_extra=_KEY,
        )  # fmt: skip
        router.add_api_route(
            "/v1/actions/batch", self.act_on_lines, methods=["POST"], status_code=202, response_model=None,
            summary="Ask for many actions",
            response_class=Response, responses={**ndjson.SAID, **refused}, openapi_extra=ndjson.ASKED,
        )  # fmt: skip
        router.add_api_route(
            "/v1/actions/{action_id}", self.became, methods=["GET"], response_model=OutcomeShown,
            summary="What became of an action",
        )  # fmt: skip
        router.add_api_route(
            "/v1/outcomes/lookup", self.look_up, methods=["POST"], response_model=Outcomes,
            summary="What became of many reports and actions",
        )  # fmt: skip
        return router

    async def act(
        self, case_id: CaseId, body: ActionAsked, caller: Caller, http: Request, *, dry_run: DryRun = False
    ) -> Response:
        """Ask for an action. It is taken once Kafka has it; whether it is allowed is told under its id.

        A repeat with the same `Idempotency-Key` is dropped. The same key with another body, or for another case, is
        refused: 409 `id_reused` once the first is decided. Of two that are sent before either is decided both get 202
        and the first stands; whoever sends theirs again learns by 202 or 409 whether it was theirs.
        """
        asked = Asked(case_id=case_id, action=body.action, occurred_at=body.occurred_at)
        requested = self._request(asked, caller, _own_id(http))
        if any(await reused(self.pool, [requested])):
            raise id_reused("Idempotency-Key")
        if dry_run:
            [judged] = await judge(self.pool, self.cities, [requested])
            return _json(judged.model_dump_json(), 200)
        await self._take([requested])
        return _json(Taken(action_id=requested.action_id).model_dump_json(), 202)

    async def act_on_lines(self, caller: Caller, http: Request, *, dry_run: DryRun = False) -> Response:
        """Ask for many actions, a JSON line each. The answer has a line for each, in order: its id or its error.

        Blank lines are skipped and counted: each answer tells its line's number in the file, from 1.
        An `id` that was used before for something else is `id_reused`, within the batch, too: the first one stands.
        With `dry-run` each line is judged as if it came alone, against its case as it is now, and nothing is done.
        """
        numbered = ndjson.numbered(await read_body(http, ndjson.BATCH_BYTES))
        read = await self._first_uses([self._line(line, caller) for _, line in numbered])
        requests = [each for each in read if isinstance(each, ActionRequested)]
        answers = iter(await (self._judged(requests) if dry_run else self._taken(requests)))
        said = [_refused(each, dry_run=dry_run) if isinstance(each, Problem) else next(answers) for each in read]
        numbers = (number for number, _ in numbered)
        return ndjson.answered(zip(numbers, said, strict=True), 200 if dry_run else 202)

    async def became(self, action_id: str, caller: Caller) -> OutcomeShown:
        """Tell what became of an action: applied, or refused and why. 404 until it is decided.

        It is told of the first that came under this id. Whether that was yours, where several use one id, tells
        sending yours again: 409 `id_reused` when it was another.
        """
        found = await self._outcomes([action_id], caller) if queries.is_id(action_id) else []
        if not found or found[0].about != "action":
            raise problems.not_found("no such action, or it is not decided yet", "无此操作，或尚未有结果")
        return found[0]

    async def look_up(self, asked: Lookup, caller: Caller) -> Outcomes:
        """Tell what became of many reports and actions at once."""
        return Outcomes(outcomes=await self._outcomes(asked.ids, caller))

    async def _outcomes(self, asked: Collection[str], caller: Principal) -> list[OutcomeShown]:
        found = await queries.outcomes(self.pool, asked)
        return [shown for shown, about in found if _may_know(caller, about)]

    def _request(self, asked: Asked, caller: Principal, ref: str) -> ActionRequested:
        if not access.covers_area(caller, ids.area_of(asked.case_id)):
            raise problems.not_found("there is no such case", "无此案件")
        actor = access.actor_of(caller, asked.action)
        speaker = Speaker(
            actor=actor,
            door="import" if actor.kind == "importer" else "http",
            action_id=ids.action_id(access.sender(caller, actor), ref),
            ref=ref,
            backdates=caller.backdates,
        )
        return request(asked, speaker, self.clock.now())

    def _line(self, line: bytes, caller: Principal) -> ActionRequested | Problem:
        try:
            said = ActionLine.model_validate_json(line)
            asked = Asked(said.case_id, said.action, said.occurred_at, said.of_report)
            return self._request(asked, caller, said.id)
        except ValidationError as error:
            return problems.first_of(error.errors(include_url=False, include_context=False, include_input=False))
        except Problem as problem:
            return problem

    async def _first_uses(self, read: Sequence[ActionRequested | Problem]) -> list[ActionRequested | Problem]:
        found = iter(await reused(self.pool, [each for each in read if isinstance(each, ActionRequested)]))
        return [id_reused("id") if isinstance(each, ActionRequested) and next(found) else each for each in read]

    async def _judged(self, requests: list[ActionRequested]) -> list[dict[str, Any]]:
        return [each.model_dump(mode="json") for each in await judge(self.pool, self.cities, requests)]

    async def _taken(self, requests: list[ActionRequested]) -> list[dict[str, Any]]:
        await self._take(requests)
        return [{"status": 202, "action_id": each.action_id} for each in requests]

    async def _take(self, requests: list[ActionRequested]) -> None:
        try:
            await self.publisher.send(
                [messages.request_said(each) for each in requests], within_s=ACKNOWLEDGED_WITHIN_S
            )
        except Unacknowledged as error:
            raise problems.unavailable() from error


def _may_know(caller: Principal, about: queries.OutcomeAbout) -> bool:
    if about.area is not None and not access.covers_area(caller, about.area):
        return False
    if caller.department is not None:
        return about.sender == f"department:{caller.department}"
    return access.sees_cases(caller)


def _own_id(http: Request) -> str:
    own = http.headers.get("idempotency-key", "").strip()
    if not own:
        message = "the header Idempotency-Key is needed: your own id for this action"
        raise Problem(400, "idempotency_key_missing", message, "缺少请求头 Idempotency-Key", "Idempotency-Key")
    if len(own) > 200:
        raise problems.invalid("Idempotency-Key", "it may have 200 characters at most")
    return own


def _refused(problem: Problem, *, dry_run: bool) -> dict[str, Any]:
    # What is said of a dry run has the case's status under this name.
    return problem.body() if dry_run else {"status": problem.status, **problem.body()}


def _json(text: str, status: int) -> Response:
    return Response(text, status, media_type="application/json")
