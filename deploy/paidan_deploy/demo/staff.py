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
from paidan_deploy.demo.patrols import Patrol, Patrols
from paidan_deploy.demo.scheduler import Scheduler, Task

_POLL_S: Final = 0.8
_RAISED_SHARE: Final = 0.1
_RAISING_OVER_SHARE: Final = 0.5
_RATINGS: Final[tuple[tuple[str, int], ...]] = (
    ("satisfied", 66),
    ("basically_satisfied", 20),
    ("dissatisfied", 8),
    ("no_answer", 6),
)
_PLANNED_SHARE: Final = 0.2
_TRUE_SHARE: Final = 0.83
_BUILT_SHARE: Final = 0.7
_WISHES: Final = ("suggestion", "help")
_BY_HAND: Final = ("E0110", "E0136", "E0192", "E0201", "E0410")
_NOT_TOLD_SHARE: Final = 0.05
_SETTLE: Final[dict[str, Any]] = {"kind": "settle", "text": "已现场清理"}
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

    async def verify(self, patrols: Patrols) -> None:
        """核实: each patrol verifies its tasks; most are true, of some it cannot tell, and some it does not get to."""
        async for state in self._new_cases("received", order="oldest"):
            drawn, share, is_first = self.rng.random(), _share_of(state), len(state["clocks"]) == 1
            if is_first and share % 12 == 0:
                continue
            if is_first and drawn < _NOT_TOLD_SHARE:
                action: dict[str, Any] = {"kind": "cannot_verify", "reason": "围挡封闭，无法查看"}
            elif state.get("class_code") in _BY_HAND and share % 3 == 1:
                action = _SETTLE
            else:
                verified = drawn < _TRUE_SHARE
                action = {"kind": "verify", "verified": verified, "reason": "" if verified else "现场未发现"}
            self._schedule(state, action, self.rng.uniform(3, 20), patrols.of(_task_of(state).get("post")))

    async def settle(self, patrol: Patrol) -> None:
        """自行处置: of what patrols report, settle on the spot what a pair of hands can do."""
        async for state in self._new_cases("dispatched", order="newest", source="grid-patrol"):
            if state.get("class_code") in _BY_HAND and _share_of(state) % 3 == 0:
                self._schedule(state, _SETTLE, 1, patrol)

    async def give_verifications(self) -> None:
        """派发核实: give to another patrol what the first could not tell."""
        async for state in self._new_cases("received", order="oldest"):
            if _task_of(state).get("required_by") and not _task_of(state).get("post"):
                self._schedule(state, {"kind": "assign_verification", "reason": "请换人到现场核实"}, 2)

    async def give_overdue_verifications(self) -> None:
        """改派核实: give to another patrol what the first did not verify in time."""
        async for state in self._new_cases("received", order="oldest", overdue=True):
            self._schedule(state, {"kind": "assign_verification", "reason": "超时未核实，请换人核实"}, 1)

    async def assign(self, departments: Sequence[str]) -> None:
        """Assign cases without a matching rule to a random department."""
        async for state in self._new_cases("filed", held=True, order="oldest"):
            returned_by = {assignment["department"] for assignment in state["assignments"]}
            excluded = {*returned_by, state.get("complained_of")}
            candidates = [department for department in departments if department not in excluded]
            action = {"kind": "assign", "department": self.rng.choice(candidates), "reason": "人工派遣"}
            self._schedule(state, action, self.rng.uniform(2, 12))

    async def keep_record(self) -> None:
        """更正、备注: correct what was misheard of one case in forty, and note for its department on one in twenty."""
        async for state in self._new_cases("dispatched", order="newest"):
            share = _share_of(state) % 40
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

    async def decide_appeals(self) -> None:
        """审批申诉: take one of the two steps; of two operators whoever comes second takes the last one."""
        async for state in self._new_cases("closed", pending="appeal", order="oldest"):
            self._schedule(state, {"kind": "review", "approved": True, "reason": "情况属实"}, self.rng.uniform(8, 20))

    async def plan_constructions(self) -> None:
        """列入建设计划: of some wishes what they are for does not exist yet; most of it is built by its date."""
        async for state in self._new_cases("dispatched", order="newest"):
            if state.get("matter") in _WISHES and _share_of(state) % 25 == 0:
                due_at = self.scheduler.clock.now() + timedelta(hours=3)
                reason = "道路尚无路灯，列入建设计划"
                plan = {"kind": "plan_construction", "due_at": due_at.isoformat(), "reason": reason}
                self._schedule(state, plan, 4)

    async def strike_off(self) -> None:
        """销号: strike off what is built; plan anew what is not."""
        async for state in self._new_cases("filed", order="oldest", planned=True):
            if self.rng.random() < _BUILT_SHARE:
                self._schedule(state, {"kind": "strike_off", "text": "已建成并投入使用"}, self.rng.uniform(60, 170))
            else:
                due_at = self.scheduler.clock.now() + timedelta(days=30)
                again = {"kind": "plan_construction", "due_at": due_at.isoformat(), "reason": "管线迁改未完成"}
                self._schedule(state, again, 200)

    async def follow_up_overdue(self) -> None:
        """限期整改、督办: of some cases that are overdue set a limit by hand, and plan a step; raise others by hand.

        Of half of these that is over an hour later.
        """
        async for state in self._new_cases("handling", overdue=True, order="oldest"):
            draw = Random(state["case_id"]).random()  # noqa: S311 - the same after a restart
            if draw >= 1 - _RAISED_SHARE:
                self._schedule(state, {"kind": "escalate", "reason": "群众多次来电催办"}, 3)
            if draw >= 1 - _RAISED_SHARE * _RAISING_OVER_SHARE:
                self._schedule(state, {"kind": "end_escalation", "reason": "单位已到场处置"}, 60)
            if draw < _PLANNED_SHARE:
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
                tasks = len(state["clocks"]) if status in ("received", "filed") else 0
                visit = (status, state["case_id"], state["round"] + 100 * state["hops"] + 10_000 * tasks)
                if visit not in self.seen:
                    self.seen.add(visit)
                    yield state
            await asyncio.sleep(_POLL_S)

    def _schedule(self, state: CaseBody, action: dict[str, Any], minutes: float, patrol: Patrol | None = None) -> None:
        at = self.scheduler.clock.now() + timedelta(minutes=minutes)
        self.scheduler.schedule(at, self._action_task(state, action, patrol))

    def _action_task(self, state: CaseBody, action: dict[str, Any], patrol: Patrol | None) -> Task:
        about = action.get("report_id", state["case_id"])
        idempotency_key = f"{about}:{action['kind']}:{state['version']}"

        async def act() -> None:
            proof = {"proof": [await patrol.proofs.store(state["case_id"])]} if patrol is not None else {}
            client = patrol.client if patrol is not None else self.client
            await client.submit_action(state["case_id"], action | proof, idempotency_key=idempotency_key)

        return act


def _share_of(state: CaseBody) -> int:
    """Return a number by which some cases are chosen, the same after a restart."""
    return int(state["case_id"][-4:], 16)


def _task_of(state: CaseBody) -> CaseBody:
    """Return the verification of a case that awaits one; empty where its clock names none."""
    return (state["clocks"][-1].get("verification") or {}) if state["clocks"] else {}
