"""The departments of the demo city: each reads its orders and answers them, over Kafka or over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final, Protocol

from paidan_deploy.demo.behaviour import Behaviour, plan_order
from paidan_deploy.demo.scheduler import Scheduler, Task

_RETURN_REASONS: Final = (
    ("not_our_area", "不在我辖区"),
    ("not_our_duty", "不属于我单位职责"),
    ("owner_unclear", "权属不清"),
)

_SUSPENDED_SHARE: Final = 0.01
_EXTENDED_SHARE: Final = 0.5
"""Of the orders that would be late."""
_APPEALED_SHARE: Final = 0.3
"""Of the orders that are late, among those for which no extension was asked."""
_HANDED_ON: Final = 0.25
_CONFIRMED: Final = 0.9
"""Shares of orders that a department with units hands on, and of units' work that it confirms at once."""


class AnswerClient(Protocol):
    """Client by which a department answers orders."""

    async def answer(self, case_id: str, answer_id: str, action: dict[str, Any]) -> None:
        """Send an action on a case under the department's own id for it."""


class ProofClient(Protocol):
    """Client by which a department stores photos of its work."""

    async def store(self, case_id: str) -> str:
        """Store a photo for a case; return its reference."""


@dataclass(slots=True)
class HiddenFaults:
    """Where work was done badly, by case and round: only an inspector on site can see it."""

    careless_work: set[tuple[str, int]] = field(default_factory=set)


@dataclass(slots=True)
class DemoDepartment:
    """One department at work, with the newest version of each of its orders."""

    department_id: str
    answers: AnswerClient
    scheduler: Scheduler
    faults: HiddenFaults
    rng: Random
    behaviour: Behaviour
    proofs: ProofClient
    units: tuple[str, ...] = ()
    """To which it hands some of its orders on."""
    versions: dict[str, int] = field(default_factory=dict)
    rounds: dict[str, int] = field(default_factory=dict)

    def handle_order(self, kind: str, order: Mapping[str, Any], because: str = "") -> None:
        """Handle an order event: issued, changed, withdrawn, urged. Events older than the known version are ignored."""
        order_id, version = order["order_id"], order["version"]
        if self.versions.get(order_id, 0) >= version or self._is_of_a_unit(order):
            return
        self.versions[order_id] = version
        if because in ("unit_finished", "unit_returned"):
            self._follow_up(order, because)
            return
        if kind == "order.withdrawn.v1":
            self.rounds.pop(order_id, None)
        elif order_id not in self.rounds:
            self._plan_work(order, accepted=False)
        elif order["round"] > self.rounds[order_id]:
            self._plan_rework(order)

    def restore(self, order: Mapping[str, Any], status: str) -> None:
        """Plan the work on an order from the snapshot, after a restart."""
        order_id = order["order_id"]
        if status in ("dispatched", "handling") and order_id not in self.rounds:
            self.versions[order_id] = order["version"]
            self._plan_work(order, accepted=status == "handling")

    def _plan_work(self, order: Mapping[str, Any], *, accepted: bool) -> None:
        order_id, now = order["order_id"], self.scheduler.clock.now()
        self.rounds[order_id] = order["round"]
        plan = plan_order(self.rng, self.behaviour, now, _parse_time(order.get("due_at")))
        if not accepted:
            action = {"kind": "accept"} if plan.finish_at else self._return_action()
            self.scheduler.schedule(plan.accept_at, self._answer_task(order, action))
        if plan.finish_at is None:
            return
        if self.units and order.get("role") == "lead" and self.rng.random() < _HANDED_ON:
            action = {"kind": "hand_on", "unit": self.rng.choice(self.units), "reason": "就近处置"}
            self.scheduler.schedule(plan.accept_at + timedelta(minutes=1), self._answer_task(order, action))
        else:
            finish_at = self._ask_for_time(order, plan.accept_at, plan.finish_at)
            self._schedule_finish(order, finish_at, careless=plan.careless)
            self._appeal(order, finish_at)

    def _is_of_a_unit(self, order: Mapping[str, Any]) -> bool:
        """Return whether an order on this department's topic is for a unit of it, which reads it over HTTP."""
        return order.get("role") == "unit" and order.get("unit") != self.department_id

    def _follow_up(self, order: Mapping[str, Any], because: str) -> None:
        """Confirm what a unit finished, most of it; do the rest, and what it handed back, without the unit."""
        at = self.scheduler.clock.now() + timedelta(minutes=self.rng.uniform(2, 15))
        if because == "unit_returned":
            self._schedule_finish(order, at + timedelta(minutes=20), careless=False)
            return
        confirmed = self.rng.random() < _CONFIRMED
        action = {"kind": "confirm", "confirmed": confirmed, "reason": "" if confirmed else "现场仍有遗留"}
        self.scheduler.schedule(at, self._answer_task(order, action))
        if not confirmed:
            self._schedule_finish(order, at + timedelta(minutes=60), careless=False)

    def _plan_rework(self, order: Mapping[str, Any]) -> None:
        self.rounds[order["order_id"]] = order["round"]
        self._schedule_finish(
            order, self.scheduler.clock.now() + timedelta(minutes=self.rng.uniform(20, 120)), careless=False
        )

    def _schedule_finish(self, order: Mapping[str, Any], at: datetime, *, careless: bool) -> None:
        # What a helper does badly is not what the inspector looks at.
        if careless and order.get("role") != "helper":
            self.faults.careless_work.add((order["case_id"], order["round"]))
        action = {"kind": "finish", "text": "已处置完毕"}
        self.scheduler.schedule(at, self._answer_task(order, action))

    def _ask_for_time(self, order: Mapping[str, Any], accept_at: datetime, finish_at: datetime) -> datetime:
        """Ask that some orders are suspended, and that some are extended that would be late; return when it is done.

        The department's head decides first, ten minutes later.
        """
        draw = Random(order["order_id"]).random()  # noqa: S311 - the same after a restart
        due_at = _parse_time(order.get("due_at"))
        if order.get("role") == "helper" or due_at is None:
            return finish_at
        if draw < _SUSPENDED_SHARE:
            asked_at, resume_at = accept_at + timedelta(minutes=2), accept_at + timedelta(hours=2)
            self._request(order, asked_at, {"kind": "ask_suspension", "resume_at": resume_at.isoformat()})
            return max(finish_at, resume_at + timedelta(minutes=30))
        asked_at = due_at - timedelta(minutes=40)
        if finish_at > due_at and asked_at > accept_at and draw < _EXTENDED_SHARE:
            self._request(order, asked_at, {"kind": "ask_extension"})
        return finish_at

    def _appeal(self, order: Mapping[str, Any], finish_at: datetime) -> None:
        """申诉: ask, an hour and a half after some work that is late, that this is not counted."""
        draw, due_at = Random(order["order_id"]).random(), _parse_time(order.get("due_at"))  # noqa: S311 - the same after a restart
        if order.get("role") != "lead" or due_at is None or finish_at <= due_at or draw < 1 - _APPEALED_SHARE:
            return
        action = {"kind": "appeal", "reason": "现场临时封路，非我单位原因，申请不计超期"}
        self.scheduler.schedule(finish_at + timedelta(minutes=90), self._answer_task(order, action))

    def _request(self, order: Mapping[str, Any], at: datetime, action: dict[str, Any]) -> None:
        self.scheduler.schedule(at, self._answer_task(order, action | {"reason": "配件未到货，需等待"}))
        approval = {"kind": "review", "approved": True, "reason": "情况属实"}
        self.scheduler.schedule(at + timedelta(minutes=10), self._answer_task(order, approval))

    def _return_action(self) -> dict[str, Any]:
        code, reason = self.rng.choice(_RETURN_REASONS)
        return {"kind": "return", "code": code, "reason": reason}

    def _answer_task(self, order: Mapping[str, Any], action: dict[str, Any]) -> Task:
        order_id, round_ = order["order_id"], order["round"]

        async def answer() -> None:
            if self.rounds.get(order_id) != round_:
                return
            case_id, kind = order["case_id"], action["kind"]
            proof = {"proof": [await self.proofs.store(case_id)]} if kind == "finish" else {}
            # Said again of later work: a unit may have to go on, and its department to confirm again.
            said = f":{order['version']}" if kind == "confirm" else ""
            await self.answers.answer(case_id, f"{order_id}:{round_}:{kind}{said}", action | proof)

        return answer


def _parse_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
