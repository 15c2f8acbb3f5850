"""The demo city's departments finish each order with a photo of its own, and help as they lead."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from paidan_chassis.clock import ClockScale, ScaledClock, real_now
from paidan_deploy.demo.behaviour import Behaviour
from paidan_deploy.demo.departments import DemoDepartment, HiddenFaults
from paidan_deploy.demo.pictures import draw_proof
from paidan_deploy.demo.scheduler import Scheduler
from tests.polling import poll

CITY_TIME = datetime(2026, 3, 2, 1, tzinfo=UTC)


@dataclass
class RecordingClient:
    """Stores photos and takes answers, in memory."""

    answers: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    stored_for: list[str] = field(default_factory=list)

    async def answer(self, case_id: str, answer_id: str, action: dict[str, Any]) -> None:
        self.answers.append((case_id, action))

    async def store(self, case_id: str) -> str:
        self.stored_for.append(case_id)
        return f"photo {len(self.stored_for)}"


def order(number: int, role: str) -> dict[str, Any]:
    due_at = (CITY_TIME + timedelta(hours=4)).isoformat()
    return {"order_id": f"o{number}", "case_id": f"c{number}", "version": 2, "round": 1, "role": role, "due_at": due_at}


@asynccontextmanager
async def at_work(*units: str, careless: float = 0) -> AsyncIterator[tuple[DemoDepartment, RecordingClient]]:
    """Run a department whose day lasts a second, and what it sends."""
    now = real_now()
    scale = ClockScale(anchor_real=now, anchor_city=CITY_TIME, factor=86_400, fast_until=CITY_TIME + timedelta(days=9))
    scheduler, client = Scheduler(ScaledClock(scale)), RecordingClient()
    habits = Behaviour(return_rate=0, late_rate=0, careless_rate=careless)
    rng = Random(1)  # noqa: S311 - a test
    running = asyncio.create_task(scheduler.run())
    try:
        yield DemoDepartment("streets", client, scheduler, HiddenFaults(), rng, habits, client, units), client
    finally:
        running.cancel()


async def test_department_with_units_hands_some_orders_on_and_confirms_what_they_finish() -> None:
    async with at_work("squad") as (department, client):
        for number in range(20):
            department.handle_order("order.issued.v1", order(number, "lead"))
        await poll(lambda: len(client.answers) == 40, what="all are accepted, and finished or handed on")
        handed_on = [case_id for case_id, action in client.answers if action["kind"] == "hand_on"]
        assert 0 < len(handed_on) < 20
        assert {action.get("unit") for _, action in client.answers} == {"squad", None}
        [number] = [int(case_id[1:]) for case_id in handed_on[:1]]
        units = order(number, "unit") | {"order_id": "u", "unit": "squad"}
        department.handle_order("order.issued.v1", units)
        department.handle_order("order.changed.v1", order(number, "lead") | {"version": 4}, "unit_finished")

        await poll(lambda: len(client.answers) == 41, what="it is confirmed")

        assert client.answers[-1][1]["kind"] == "confirm"


@pytest.mark.parametrize("role", ["lead", "helper"])
async def test_each_finish_has_a_photo_stored_for_its_case(role: str) -> None:
    async with at_work(careless=1) as (department, client):
        for number in (1, 2):
            department.handle_order("order.issued.v1", order(number, role))
        await poll(lambda: len(client.answers) == 4, what="both orders accepted and finished")

    finished = {case_id: action["proof"] for case_id, action in client.answers if action["kind"] == "finish"}
    assert sorted(client.stored_for) == sorted(finished) == ["c1", "c2"]
    assert len({photo for [photo] in finished.values()}) == 2
    assert bool(department.faults.careless_work) == (role == "lead"), "an inspector looks at the lead's work"


def test_no_two_photos_of_work_are_the_same() -> None:
    rng = Random(2)  # noqa: S311 - a test

    assert len({draw_proof(rng) for _ in range(200)}) == 200


async def test_orders_that_would_be_late_ask_for_an_extension_that_the_head_approves_or_appeal_afterwards() -> None:
    now = real_now()
    scale = ClockScale(anchor_real=now, anchor_city=CITY_TIME, factor=86_400, fast_until=CITY_TIME + timedelta(days=9))
    scheduler, client = Scheduler(ScaledClock(scale)), RecordingClient()
    late = Behaviour(return_rate=0, late_rate=1, careless_rate=0)
    department = DemoDepartment("streets", client, scheduler, HiddenFaults(), Random(1), late, client)  # noqa: S311 - a test
    running = asyncio.create_task(scheduler.run())
    try:
        for number in range(12):
            department.handle_order("order.issued.v1", order(number, "lead"))
        await poll(lambda: [each["kind"] for _, each in client.answers].count("finish") == 12, what="all are finished")
        await poll(lambda: "appeal" in [each["kind"] for _, each in client.answers], what="one was late all the same")
    finally:
        running.cancel()

    asked = {case_id for case_id, each in client.answers if each["kind"] in ("ask_extension", "ask_suspension")}
    approved = {case_id for case_id, each in client.answers if each["kind"] == "review" and each["approved"]}
    assert asked == approved
    assert 0 < len(asked) < 12
    kinds = {case_id: [each["kind"] for of, each in client.answers if of == case_id] for case_id, _ in client.answers}
    appealed = [case_id for case_id, sent in kinds.items() if "appeal" in sent]
    assert asked.isdisjoint(appealed)
    assert all(kinds[case_id].index("finish") < kinds[case_id].index("appeal") for case_id in appealed)
