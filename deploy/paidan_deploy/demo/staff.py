"""Staff of the demo city: inspectors, those who call residents back, and operators."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Final

from paidan_contracts.city import City
from paidan_deploy.demo.departments import HiddenFaults
from paidan_deploy.demo.http_client import CallRefused, ServiceClient
from paidan_deploy.demo.scheduler import Scheduler, Task

_POLL_S: Final = 0.8
_RATINGS: Final[tuple[tuple[str, int], ...]] = (
    ("satisfied", 66),
    ("basically_satisfied", 20),
    ("dissatisfied", 8),
    ("no_answer", 6),
)
_PLANNED_SHARE: Final = 0.2
CaseBody = dict[str, Any]


@dataclass(slots=True)
class Staff:
    """Staff of one role, working on a queue of ``GET /v1/cases``."""

    client: ServiceClient
    city: str
    scheduler: Scheduler
    faults: HiddenFaults
    rng: Random
    seen: set[tuple[str, str, int]] = field(default_factory=set)

    async def inspect(self) -> None:
        """核查: inspect finished work some minutes later; careless work fails."""
        async for state in self._new_cases("inspecting", order="oldest"):
            passed = (state["case_id"], state["round"]) not in self.faults.careless_work
            action = {"kind": "inspect", "passed": passed, "reason": "" if passed else "现场仍有遗留"}
            self._schedule(state, action, self.rng.uniform(4, 25))

    async def verify(self) -> None:
        """核实: verify reports of untrusted sources; five out of six are true."""
        async for state in self._new_cases("received", order="oldest"):
            verified = self.rng.random() < 0.83
            action = {"kind": "verify", "verified": verified, "reason": "" if verified else "现场未发现"}
            self._schedule(state, action, self.rng.uniform(3, 20))

    async def assign(self, departments: Sequence[str]) -> None:
        """Assign cases without a matching rule to a random department."""
        async for state in self._new_cases("filed", order="oldest"):
            returned_by = {assignment["department"] for assignment in state["assignments"]}
            excluded = {*returned_by, state.get("complained_of")}
            candidates = [department for department in departments if department not in excluded]
            action = {"kind": "assign", "department": self.rng.choice(candidates), "reason": "人工派遣"}
            self._schedule(state, action, self.rng.uniform(2, 12))

    async def keep_record(self) -> None:
        """更正、备注: correct what was misheard of one case in forty, and note for its department on one in twenty."""
        async for state in self._new_cases("dispatched", order="newest"):
            share = int(state["case_id"][-4:], 16) % 40
            if share == 0:
                action = {"kind": "correct", "address": "路口东侧公交站旁", "reason": "来电人补充了地址"}
                self._schedule(state, action, 3)
            elif share in (1, 2):
                self._schedule(state, {"kind": "note", "text": "请先联系门卫", "visible_to": "department"}, 3)

    async def call_back(self) -> None:
        """回访: call back each reporter of a case who is to be called, and record the rating."""
        async for state in self._new_cases("closed", not_called_back=True, order="newest"):
            for report_id in state["callbacks_awaited"]:
                rating = self.rng.choices([name for name, _ in _RATINGS], [weight for _, weight in _RATINGS])[0]
                reasonable = self.rng.random() < 0.7
                action = {"kind": "call_back", "report_id": report_id, "rating": rating, "reasonable": reasonable}
                self._schedule(state, action, self.rng.uniform(10, 90))

    async def decide_requests(self) -> None:
        """审批: decide on extensions and suspensions, after the head of the department."""
        async for state in self._new_cases("handling", pending="any", order="oldest"):
            action = {"kind": "review", "approved": self.rng.random() < 0.8, "reason": "已核"}
            self._schedule(state, action, self.rng.uniform(12, 25))

    async def set_limits(self) -> None:
        """限期整改: of some cases that are overdue, set a limit by hand, and plan a step."""
        async for state in self._new_cases("handling", overdue=True, order="oldest"):
            if Random(state["case_id"]).random() < _PLANNED_SHARE:  # noqa: S311 - the same after a restart
                now = self.scheduler.clock.now()
                due_at, step_at = (now + timedelta(hours=each) for each in (4, 2))
                self._schedule(state, {"kind": "set_limit", "due_at": due_at.isoformat(), "reason": "限期整改"}, 1)
                self._schedule(state, {"kind": "plan_step", "due_at": step_at.isoformat(), "text": "现场清理"}, 5)
                self._schedule(state, {"kind": "finish_step", "step": 1, "text": "已清理"}, 60)

    def schedule_emergencies(self, city: City) -> None:
        """应急响应、重大活动保障: schedule an event in a district for some hours, and an emergency, which then ends."""
        now = self.scheduler.clock.now()
        districts = [each.code for each in city.pack.geography.places if each.level == "district"]
        by_kind = {plan.kind: plan for plan in reversed(list(city.emergencies.values()))}
        for plan, after_h, ends_after_h in ((by_kind.get("event"), 2, 5), (by_kind.get("emergency"), 6, 11)):
            if plan is None:
                continue
            body: dict[str, Any] = {"city": self.city, "plan": plan.id, "level": plan.levels[0].id, "reason": "演练"}
            end_at = now + timedelta(hours=ends_after_h)
            if plan.kind == "event":
                body |= {"places": districts[:1], "ends_at": end_at.isoformat()}
            key = f"demo {plan.id} {now.date()}"
            task = partial(self._declare, body, key, None if plan.kind == "event" else end_at)
            self.scheduler.schedule(now + timedelta(hours=after_h), task)

    async def _declare(self, body: dict[str, Any], key: str, end_at: datetime | None) -> None:
        try:
            declared = await self.client.post("/v1/emergencies", json=body, headers={"idempotency-key": key})
        except CallRefused:
            return  # it was declared before a restart
        if end_at is not None:
            path, headers = f"/v1/emergencies/{declared['action_id']}/end", {"idempotency-key": f"{key} end"}
            task = partial(self._post, path, {"reason": "解除"}, headers)
            self.scheduler.schedule(end_at, task)

    async def _post(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> None:
        with suppress(CallRefused):
            await self.client.post(path, json=body, headers=headers)

    async def _new_cases(self, status: str, **filters: Any) -> AsyncIterator[CaseBody]:  # noqa: ANN401  # parameters of the list
        while True:
            try:
                with self.scheduler.running_task():
                    page = await self.client.get("/v1/cases", city=self.city, status=status, limit=150, **filters)
            except CallRefused:
                page = {"cases": []}
            for state in page["cases"]:
                visit = (status, state["case_id"], state["round"] + 100 * state["hops"])
                if visit not in self.seen:
                    self.seen.add(visit)
                    yield state
            await asyncio.sleep(_POLL_S)

    def _schedule(self, state: CaseBody, action: dict[str, Any], minutes: float) -> None:
        self.scheduler.schedule(
            self.scheduler.clock.now() + timedelta(minutes=minutes), self._action_task(state, action)
        )

    def _action_task(self, state: CaseBody, action: dict[str, Any]) -> Task:
        about = action.get("report_id", state["case_id"])
        idempotency_key = f"{about}:{action['kind']}:{state['version']}"

        async def act() -> None:
            await self.client.submit_action(state["case_id"], action, idempotency_key=idempotency_key)

        return act
