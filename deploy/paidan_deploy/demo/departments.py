"""The departments of the demo city: each reads its orders and answers them, over Kafka or over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final, Protocol

from .behaviour import Manner, course
from .scheduler import Agenda, Deed

_RETURNS: Final = (
    ("not_our_area", "不在我辖区"),
    ("not_our_duty", "不属于我单位职责"),
    ("owner_unclear", "权属不清"),
)


class Voice(Protocol):
    """How an office answers."""

    async def answer(self, case_id: str, own_id: str, action: dict[str, Any]) -> None:
        """Say what was done with a case, under the office's own id for it."""


@dataclass(slots=True)
class World:
    """What is true on the street, and which only who goes there can see: where work was done badly, by case, round."""

    careless: set[tuple[str, int]] = field(default_factory=set)


@dataclass(slots=True)
class Office:
    """One department at work. It keeps the highest version of each order and forgets the rest."""

    department: str
    voice: Voice
    agenda: Agenda
    world: World
    chance: Random
    manner: Manner
    proof: tuple[str, ...] = ()
    versions: dict[str, int] = field(default_factory=dict)
    rounds: dict[str, int] = field(default_factory=dict)

    def hear(self, kind: str, order: Mapping[str, Any]) -> None:
        """Take a message about an order: issued, changed, withdrawn, urged; older than what is known: ignored."""
        order_id, version = order["order_id"], order["version"]
        if self.versions.get(order_id, 0) >= version:
            return
        self.versions[order_id] = version
        if kind == "order.withdrawn.v1":
            self.rounds.pop(order_id, None)
        elif order_id not in self.rounds:
            self._begin(order, accepted=False)
        elif order["round"] > self.rounds[order_id]:
            self._work_again(order)

    def resume(self, order: Mapping[str, Any], status: str) -> None:
        """Take up an order from the snapshot, after all memory was lost."""
        order_id = order["order_id"]
        if status in ("dispatched", "handling") and order_id not in self.rounds:
            self.versions[order_id] = order["version"]
            self._begin(order, accepted=status == "handling")

    def _begin(self, order: Mapping[str, Any], *, accepted: bool) -> None:
        order_id, now = order["order_id"], self.agenda.clock.now()
        self.rounds[order_id] = order["round"]
        planned = course(self.chance, self.manner, now, _moment(order.get("due_at")))
        if not accepted:
            action = {"kind": "accept"} if planned.finish_at else self._giving_back()
            self.agenda.note(planned.accept_at, self._deed(order, action))
        if planned.finish_at:
            self._will_finish(order, planned.finish_at, careless=planned.careless)

    def _work_again(self, order: Mapping[str, Any]) -> None:
        self.rounds[order["order_id"]] = order["round"]
        self._will_finish(
            order, self.agenda.clock.now() + timedelta(minutes=self.chance.uniform(20, 120)), careless=False
        )

    def _will_finish(self, order: Mapping[str, Any], at: datetime, *, careless: bool) -> None:
        if careless:
            self.world.careless.add((order["case_id"], order["round"]))
        action = {"kind": "finish", "text": "已处置完毕", "proof": list(self.proof)}
        self.agenda.note(at, self._deed(order, action))

    def _giving_back(self) -> dict[str, Any]:
        code, reason = self.chance.choice(_RETURNS)
        return {"kind": "return", "code": code, "reason": reason}

    def _deed(self, order: Mapping[str, Any], action: dict[str, Any]) -> Deed:
        order_id, round_ = order["order_id"], order["round"]

        async def answer() -> None:
            if self.rounds.get(order_id) == round_:
                await self.voice.answer(order["case_id"], f"{order_id}:{round_}:{action['kind']}", action)

        return answer


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
