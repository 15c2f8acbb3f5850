"""A declaration reaches every area of its city through the log, and sets running cases anew, a portion at a time."""

import asyncio
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
import pytest

from paidan_chassis.clock import RealClock
from paidan_chassis.consumer.batch import Lane
from paidan_chassis.errors import Unacknowledged
from paidan_chassis.kafka.message import Message
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from paidan_contracts import ids
from paidan_contracts.actions import Void
from paidan_contracts.emergencies import EmergencyPortion
from paidan_contracts.emergency_actions import DeclareEmergency, EndEmergency
from paidan_contracts.inbox import CityInForce
from paidan_contracts.topics import INBOX
from paidan_contracts.wire import WireModel
from paidan_dispatch.api.case_filter import CaseFilter
from paidan_dispatch.api.case_lists import list_cases
from paidan_dispatch.inbox import emergency_loop
from paidan_dispatch.inbox.decode import INBOX_ADAPTER
from paidan_dispatch.inbox.emergency_loop import EmergencyScheduler
from tests.dispatch.applied_inbox import BatchOutput, InboxRecords, apply_records
from tests.dispatch.database_fixture import clear_tables, dump_tables, pack_bytes, publish_pack, stored_states
from tests.dispatch.emergency_cases import PARADE, SNOW
from tests.dispatch.inbox_entries import START_TIME, build_action, build_report, case_id_of, city_in_force
from tests.polling import poll

LANES: Final = {"tiny": 0, "tiny.990101": 1, "tiny.990102": 2}
PLANS: Final = [
    SNOW | {"departments": ["streets"], "levels": [SNOW["levels"][0] | {"orders": [
        {"id": "plough", "departments": ["streets"], "text": {"zh": "备勤", "en": "Stand by."}}]}]},
    PARADE,
]  # fmt: skip
SNOW_3 = DeclareEmergency(plan="snow", level="3")


class MarchClock(RealClock):
    """A clock that shows a minute of the day on which the tests' reports come."""

    minute = 12.0

    def now(self) -> datetime:
        """Return that minute."""
        return START_TIME + timedelta(minutes=self.minute)


@dataclass
class Installation:
    """The log of a city whose three areas lie in three partitions, and what was said because of it."""

    pool: "asyncpg.Pool[Any]"
    log: InboxRecords = field(default_factory=InboxRecords)
    applied: int = 0
    output: BatchOutput = field(default_factory=BatchOutput)
    faults: int = 0
    clock: MarchClock = field(default_factory=MarchClock)

    def append(self, *entries: WireModel) -> None:
        for entry in entries:
            areas = LANES if isinstance(entry, CityInForce) else [getattr(entry, "area", "tiny")]
            for area in areas:
                self.log.append(entry, partition=LANES[area])

    async def apply(self) -> None:
        """Apply what is new in the log, and what follows from it there."""
        while self.applied < len(self.log.records):
            new, self.applied = self.log.records[self.applied :], len(self.log.records)
            output = await apply_records(self.pool, new, batch_size=3)
            self.output.messages += output.messages
            for message in output.messages:
                if message.topic == INBOX.name:
                    self.append(INBOX_ADAPTER.validate_json(message.value))

    def lanes(self) -> Collection[Lane]:
        return [Lane(INBOX.name, each) for each in LANES.values()]

    def has_caught_up(self, lane: Lane) -> bool:
        return lane.partition in LANES.values()

    async def send_unsequenced(self, messages: Sequence[Message]) -> None:
        if self.faults:
            self.faults -= 1
            raise Unacknowledged("Kafka is unavailable")
        self.append(*(INBOX_ADAPTER.validate_json(each.value) for each in messages))
        await self.apply()

    async def settle(self) -> None:
        """Let the scheduler work until no case waits to be set anew, and no hours are over."""
        stop = asyncio.Event()
        progress = Health(Metrics("test")).register_loop("emergencies")
        running = asyncio.create_task(EmergencyScheduler(self.pool, self.clock).run(self, progress, stop))
        try:
            await poll(self._is_settled, within_s=30, what="all cases to be set anew")
        finally:
            stop.set()
            await running

    async def _is_settled(self) -> bool:
        waiting = await self.pool.fetchval("SELECT count(*) FROM emergency_area WHERE step IS NOT NULL")
        over = await self.pool.fetchval(
            "SELECT count(*) FROM emergency WHERE ended_at IS NULL AND ends_at <= $1", self.clock.now()
        )
        return bool(waiting + over == 0)

    async def deadlines(self) -> dict[str, float]:
        """Return for each case the minute at which its limit ends."""
        states = await stored_states(self.pool)
        return {
            id_: (due - START_TIME) / timedelta(minutes=1)
            for id_, state in states.items()
            if state.assignments and (due := state.assignments[-1].limits[-1].due_at) is not None
        }

    async def prioritised(self) -> set[str]:
        """Return the cases that come first in queues."""
        rows = await self.pool.fetch("SELECT case_id FROM case_now WHERE priority IS NOT NULL")
        return {row["case_id"] for row in rows}

    def entries(self, word: str = "") -> list[WireModel]:
        """Return the entries of the log that hold a word."""
        values = [each.value or b"" for each in self.log.records]
        return [INBOX_ADAPTER.validate_json(each) for each in values if word.encode() in each]

    def bodies(self, type_: str) -> list[dict[str, Any]]:
        found = [json.loads(each.value) for each in self.output.messages]
        return [each for each in found if each["type"] == type_]


@pytest.fixture
async def town(pool: "asyncpg.Pool[Any]", monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setattr(emergency_loop, "PORTION_CASES", 2)
    pack = json.loads(pack_bytes()) | {"emergencies": PLANS}
    version = await publish_pack(
        pool, json.dumps(pack, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    )
    installation = Installation(pool)
    installation.append(city_in_force(of_version=version))
    installation.append(
        *(build_report(f"{area} {n}", east_m=300 * n, area=area) for area in LANES for n in range(5)),
        build_report("held", class_code=None, east_m=3000),
    )
    await installation.apply()
    return installation


def declare(minutes: float = 10, action: DeclareEmergency = SNOW_3, by: str = "operator:olga") -> Any:  # noqa: ANN401
    return build_action(ids.city_subject("tiny"), action, by=by, minutes=minutes, ref=f"{action.plan} {minutes}")


async def test_running_cases_of_every_area_are_set_anew_once(town: Installation) -> None:
    """Also where Kafka was away, a case ended meanwhile, and every record comes twice."""
    before = await town.deadlines()
    town.append(declare())
    await town.apply()
    town.append(build_action(case_id_of(build_report("tiny 1", area="tiny")), Void(reason="x"), by="operator:olga"))
    town.append(build_report("new", minutes=11, east_m=5000), build_report("late", minutes=9, east_m=6000))
    await town.apply()
    assert sorted(set((await town.deadlines()).values())) == [131, 360, 369]
    town.faults = 2
    await town.settle()

    [applied] = [each for each in town.bodies("outcome.decided.v1") if each["about"] == "action"][:1]
    assert applied["result"] == "applied"
    assert len(town.bodies("emergency.in_force.v1")) == 3
    assert [each["declaration"]["places"] for each in town.bodies("emergency.declared.v1")] == [[]]
    assert [each["department"] for each in town.bodies("standing_order.issued.v1")] == ["streets"]
    after = await town.deadlines()
    voided = case_id_of(build_report("tiny 1", area="tiny"))
    assert {id_: due for id_, due in after.items() if id_ in before} == {
        id_: 360 if id_ == voided else 120 for id_ in before
    }
    assert len(town.bodies("case.reclocked.v1")) == 15
    first, queue = (
        await town.prioritised(),
        await list_cases(town.pool, CaseFilter(city="tiny", in_time=True, limit=500)),
    )
    assert first == {id_ for id_ in after if id_ != voided}, "what has ended has no place, what no rule routes neither"
    assert {each.case_id for each in queue[: len(first)]} == first
    portions = [
        INBOX_ADAPTER.validate_json(each.value or b"") for each in town.log.records if b"portion" in (each.value or b"")
    ]
    assert max(len(each.case_ids) for each in portions if isinstance(each, EmergencyPortion)) == 2

    tables = await dump_tables(town.pool)
    town.append(*portions, *town.entries()[-40:])
    await town.apply()
    assert await dump_tables(town.pool) == tables


async def test_end_gives_back_the_former_limits_and_holds_for_good(town: Installation) -> None:
    before = await town.deadlines()
    request = declare()
    town.append(request)
    await town.apply()
    await town.settle()
    assert len(await town.prioritised()) == 15
    end = EndEmergency(declaration_id=request.action_id, reason="it thaws")
    town.append(build_action(ids.city_subject("tiny"), end, by="operator:olga", minutes=20))
    await town.apply()
    town.clock.minute = 21
    await town.settle()
    town.append(*town.entries("emergency.in_force"), build_report("new", minutes=30, east_m=5000))
    await town.apply()

    assert await town.deadlines() == before | {case_id_of(build_report("new")): 390}
    assert await town.prioritised() == set()
    assert await town.pool.fetchval("SELECT count(*) FROM emergency_case") == 0
    rows = await town.pool.fetch("SELECT shortened, restored, step FROM emergency_area ORDER BY area")
    assert [tuple(each) for each in rows] == [(5, 5, None)] * 3
    assert [each["reason"] for each in town.bodies("emergency.ended.v1")] == ["it thaws"]
    assert len(town.bodies("standing_order.ended.v1")) == 1

    tables, records = await dump_tables(town.pool), town.log.records
    for batch_size, prepares in ((1, True), (7, False), (1000, False)):
        await clear_tables(town.pool)
        repeated = await apply_records(town.pool, records, batch_size=batch_size, prepares=prepares)
        assert await dump_tables(town.pool) == tables
        told = [each.value for each in repeated.messages if each.topic != INBOX.name]
        assert sorted(told) == sorted(each.value for each in town.output.messages if each.topic != INBOX.name)


async def test_event_of_a_district_ends_with_its_hours(town: Installation) -> None:
    hours = {"begins_at": START_TIME + timedelta(minutes=30), "ends_at": START_TIME + timedelta(minutes=60)}
    parade = DeclareEmergency(plan="parade", level="all", places=("990101",), **hours)
    town.append(build_report("west", east_m=7000, district="990101"))
    town.append(declare(10, parade), declare(11, parade), declare(12, SNOW_3, by="department:lamps"))
    await town.apply()
    before = await town.deadlines()
    town.clock.minute = 31
    await town.settle()

    actions = [each for each in town.bodies("outcome.decided.v1") if each["about"] == "action"]
    assert [each.get("why", {}).get("code") for each in actions] == [None, "already_declared", "not_your_role"]
    assert await town.deadlines() == before, "it puts cases first, and shortens nothing"
    first = await town.prioritised()
    assert first == {case_id_of(build_report("west"))}
    assert town.bodies("emergency.ended.v1") == []
    town.clock.minute = 61
    await town.settle()
    [ended] = town.bodies("emergency.ended.v1")
    assert datetime.fromisoformat(ended["ended_at"]) == hours["ends_at"]
    assert "ended_by" not in ended
    assert await town.prioritised() == first, "what does not restore leaves running cases their place"
