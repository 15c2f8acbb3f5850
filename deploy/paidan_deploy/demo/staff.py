"""Those who look, ask and decide in the demo city: inspectors, callers-back, and the operators' desk."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Final

from .departments import World
from .http_client import Face, Refused
from .scheduler import Agenda, Deed

_POLL_S: Final = 0.8
_RATINGS: Final[tuple[tuple[str, int], ...]] = (
    ("satisfied", 66),
    ("basically_satisfied", 20),
    ("dissatisfied", 8),
    ("no_answer", 6),
)
Case = dict[str, Any]


@dataclass(slots=True)
class Staff:
    """People with a role, working on a queue of ``GET /v1/cases``."""

    face: Face
    city: str
    agenda: Agenda
    world: World
    chance: Random
    seen: set[tuple[str, str, int]] = field(default_factory=set)

    async def inspect(self) -> None:
        """核查: go and look some minutes later; what was done badly fails."""
        async for state in self._queue("inspecting", order="oldest"):
            passed = (state["case_id"], state["round"]) not in self.world.careless
            action = {"kind": "inspect", "passed": passed, "reason": "" if passed else "现场仍有遗留"}
            self._later(state, action, self.chance.uniform(4, 25))

    async def verify(self) -> None:
        """核实: what an untrusted source reported is true five times out of six."""
        async for state in self._queue("received", order="oldest"):
            verified = self.chance.random() < 0.83
            action = {"kind": "verify", "verified": verified, "reason": "" if verified else "现场未发现"}
            self._later(state, action, self.chance.uniform(3, 20))

    async def place(self, departments: Sequence[str]) -> None:
        """Give what no rule places to somebody by hand."""
        async for state in self._queue("filed", order="oldest"):
            returned = {turn["department"] for turn in state["assignments"]}
            open_to = [department for department in departments if department not in returned]
            action = {"kind": "assign", "department": self.chance.choice(open_to), "reason": "人工派遣"}
            self._later(state, action, self.chance.uniform(2, 12))

    async def call_back(self) -> None:
        """回访: ask who reported by telephone or photo; where work was done badly they are seldom satisfied."""
        async for state in self._queue("closed", not_called_back=True, order="newest"):
            if state["channel"] not in ("hotline", "photo"):
                continue
            rating = self.chance.choices([name for name, _ in _RATINGS], [weight for _, weight in _RATINGS])[0]
            action = {"kind": "call_back", "rating": rating, "reasonable": self.chance.random() < 0.7}
            self._later(state, action, self.chance.uniform(10, 90))

    async def _queue(self, status: str, **how: Any) -> AsyncIterator[Case]:  # noqa: ANN401  # parameters of the list
        while True:
            try:
                with self.agenda.under_way():
                    page = await self.face.get("/v1/cases", city=self.city, status=status, limit=150, **how)
            except Refused:
                page = {"cases": []}
            for state in page["cases"]:
                mark = (status, state["case_id"], state["round"] + 100 * state["hops"])
                if mark not in self.seen:
                    self.seen.add(mark)
                    yield state
            await asyncio.sleep(_POLL_S)

    def _later(self, state: Case, action: dict[str, Any], minutes: float) -> None:
        self.agenda.note(self.agenda.clock.now() + timedelta(minutes=minutes), self._deed(state, action))

    def _deed(self, state: Case, action: dict[str, Any]) -> Deed:
        own_id = f"{state['case_id']}:{action['kind']}:{state['version']}"

        async def act() -> None:
            await self.face.act(state["case_id"], action, own_id=own_id)

        return act
