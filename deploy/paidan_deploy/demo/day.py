"""Plays one day of the demo city: starts its actors and its clock, and ends with the day."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from paidan_chassis.clock import ClockScale, ScaledClock, read_kind, read_scale, real_now, set_scale
from paidan_chassis.database import Connection
from paidan_chassis.edge.person_token_signer import PersonTokenSigner
from paidan_contracts.city import City
from paidan_contracts.city.organisation import Department
from paidan_contracts.topics import answers_topic_of, orders_topic_of
from paidan_deploy.demo.answer_clients import (
    HttpAnswerClient,
    KafkaAnswerClient,
    UploadedProofs,
    follow_orders_topic,
    poll_orders,
    restore_open_orders,
)
from paidan_deploy.demo.arrivals import PLAYED_S
from paidan_deploy.demo.behaviour import Behaviour
from paidan_deploy.demo.clock_throttle import ClockThrottle
from paidan_deploy.demo.departments import DemoDepartment, HiddenFaults
from paidan_deploy.demo.http_client import ServiceClient, Token
from paidan_deploy.demo.keys import DemoKeys
from paidan_deploy.demo.monitor import Monitor
from paidan_deploy.demo.patrols import Patrol, Patrols
from paidan_deploy.demo.plan import DaySize, plan_day
from paidan_deploy.demo.scheduler import Scheduler
from paidan_deploy.demo.sources import DemoSources
from paidan_deploy.demo.staff import Staff
from paidan_deploy.errors import DeployError
from paidan_deploy.stack.stack import Installation

SEED: Final = 20
_DAY: Final = timedelta(days=1)
_PLAYED: Final = timedelta(seconds=PLAYED_S)
_START_MARGIN: Final = timedelta(seconds=1)
ShowProgress = Callable[[datetime, ClockThrottle], None]


@dataclass(frozen=True, slots=True)
class DemoDay:
    """The day to play: from this midnight on, at the speed of a day in so many seconds."""

    city: City
    midnight: datetime
    duration_s: float
    skips: date | None = None
    """The day before it, of which too much had passed in the city to play it."""

    @property
    def end(self) -> datetime:
        """When the clock begins to run at real speed, in the evening of this day."""
        return self.midnight + _PLAYED


async def next_day(connection: Connection, city: City, duration_s: float) -> DemoDay:
    """Return the first day after the city's present time: the clock is never set back.

    Raises DeployError where the installation runs on real time.
    """
    if await read_kind(connection) == "real":
        raise DeployError(
            "this installation runs on real time; a day of the demo city needs one with a scaled clock:"
            " another PAIDAN_HOME, or `paidan down --wipe` and PAIDAN_CLOCK unset"
            " / 本安装按真实时间运行；演示城市的一天须用加速时钟：请换用另一 PAIDAN_HOME，"
            "或执行 `paidan down --wipe` 并取消设置 PAIDAN_CLOCK"
        )
    scale = await read_scale(connection)
    present = scale.city_time(real_now()) if scale else real_now()
    today = city.calendar.local_day(present)
    has_begun = present < datetime.combine(today, time(), city.zone) + _PLAYED
    midnight = datetime.combine(today + _DAY, time(), city.zone)
    return DemoDay(city, midnight, duration_s, skips=today if has_begun else None)


@dataclass(slots=True)
class DemoContext:
    """Connections, clock and keys that all actors of a day use."""

    installation: Installation
    day: DemoDay
    keys: DemoKeys
    clock: ScaledClock
    scheduler: Scheduler
    rng: Random
    faults: HiddenFaults
    exit_stack: AsyncExitStack

    signer: PersonTokenSigner | None = None
    """Signs tokens of the persons who hold posts; None: nobody does, and all act by the keys of their roles."""

    def open_patrol(self, token: Token) -> Patrol:
        """Open what a patrol acts with, by its token."""
        return Patrol(self.client("dispatch", token), UploadedProofs(self.client("intake", token), self.rng))

    def client(self, service: str, token: Token) -> ServiceClient:
        """Open a client of one service; it is closed with the context."""
        client = ServiceClient(self.installation.url(service), token)
        self.exit_stack.push_async_callback(client.close)
        return client


async def play_day(
    installation: Installation,
    connection: Connection,
    day: DemoDay,
    show_progress: ShowProgress,
    signer: PersonTokenSigner | None = None,
) -> float:
    """Play the day; return for how many seconds its clock waited for a slow machine.

    Work that is not finished is continued on the next day, from the snapshots of open orders.
    """
    reports = await asyncio.to_thread(plan_day, day.city, day.midnight.date(), DaySize(), seed=SEED)
    async with AsyncExitStack() as exit_stack:
        keys = await exit_stack.enter_async_context(DemoKeys.issued(connection, day.city))
        monitor = Monitor(installation.cluster)
        await monitor.start()
        async with _open_context(installation, connection, day, keys, exit_stack) as context:
            context.signer = signer
            sources = DemoSources({source: context.client("intake", token) for source, token in keys.sources.items()})
            sources.schedule(context.scheduler, reports)
            throttle = ClockThrottle(
                installation.database,
                day.midnight,
                context.clock,
                context.scheduler,
                sources,
                monitor.observed,
                len(reports),
            )
            exit_stack.push_async_callback(throttle.close)
            await _run_until_evening(context, monitor, throttle, show_progress)
    return throttle.throttled_s


@asynccontextmanager
async def _open_context(
    installation: Installation, connection: Connection, day: DemoDay, keys: DemoKeys, exit_stack: AsyncExitStack
) -> AsyncIterator[DemoContext]:
    scale = await _start_clock(connection, day)
    clock = ScaledClock(scale)
    rng = Random(f"{day.midnight.date()} {SEED}")  # noqa: S311  # a demonstration, not a secret
    yield DemoContext(installation, day, keys, clock, Scheduler(clock), rng, HiddenFaults(), exit_stack)


async def _start_clock(connection: Connection, day: DemoDay) -> ClockScale:
    """Set the clock to midnight, or leave it where it has passed that already; the throttle lets it run on."""
    present = await read_scale(connection)
    starts = max(day.midnight, present.city_time(real_now()) + _START_MARGIN) if present else day.midnight
    factor = _DAY.total_seconds() / day.duration_s
    return await set_scale(connection, city_time=starts, factor=factor, fast_until=starts)


async def _run_until_evening(
    context: DemoContext, monitor: Monitor, throttle: ClockThrottle, show_progress: ShowProgress
) -> None:
    activities = [*await _start_departments(context), *_start_staff(context), context.scheduler.run(), monitor.run()]
    tasks = [asyncio.create_task(each) for each in activities]
    try:
        while context.clock.now() < context.day.end:
            await throttle.advance()
            show_progress(context.clock.now(), throttle)
            done, _ = await asyncio.wait(tasks, timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
            for finished in done:
                finished.result()  # none ends before the day does, except by an error: raise it
        show_progress(context.day.end, throttle)
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _start_departments(context: DemoContext) -> list[Coroutine[Any, Any, None]]:
    producer = AIOKafkaProducer(acks="all", enable_idempotence=True, **context.installation.cluster.client_options())
    await producer.start()
    context.exit_stack.push_async_callback(producer.stop)
    listeners: list[Coroutine[Any, Any, None]] = []
    for department in context.day.city.departments.values():
        token, kafka = context.keys.departments[department.id], context.installation.cluster
        client = context.client("dispatch", token)
        by_kafka = department.channel == "kafka"
        answers_topic = kafka.prefixed(answers_topic_of(department.id).name)
        answers = KafkaAnswerClient(producer, answers_topic) if by_kafka else HttpAnswerClient(client)
        behaviour = Behaviour.random(Random(department.id))  # noqa: S311  # a department has the same habits every day
        proofs = UploadedProofs(context.client("intake", token), context.rng)
        demo_department = DemoDepartment(
            department.id,
            answers,
            context.scheduler,
            context.faults,
            context.rng,
            behaviour,
            proofs,
            _units_of(context.day.city, department) if by_kafka else (),
        )
        await restore_open_orders(demo_department, client)
        if by_kafka:
            listeners.append(follow_orders_topic(demo_department, kafka, orders_topic_of(department.id).name))
        else:
            listeners.append(poll_orders(demo_department, client, every_s=2.0))
    return listeners


def _units_of(city: City, department: Department) -> tuple[str, ...]:
    """Return the units to which a department hands on: officers, where it has some, for they may do whatever comes."""
    through_it = [
        each for each in city.departments.values() if each.parent == department.id and each.channel == "bureau"
    ]
    officers = [each.id for each in through_it if each.enforcement]
    return tuple(officers or (each.id for each in through_it))


def _start_staff(context: DemoContext) -> list[Coroutine[Any, Any, None]]:
    city = context.day.city.id

    def member(role: str) -> Staff:
        client = context.client("dispatch", context.keys.roles[role])
        return Staff(client, city, context.scheduler, context.faults, context.rng)

    patrols = Patrols(context.day.city, context.signer, context.keys.roles["inspector"], context.open_patrol)
    departments = context.day.city.departments.values()
    department_ids = [each.id for each in departments if each.district and each.channel != "bureau"]
    member("operator").schedule_emergencies(context.day.city)
    return [
        member("inspector").inspect(),
        member("inspector").verify(patrols),
        member("inspector").settle(patrols.of("inspector")),
        member("operator").give_verifications(),
        member("operator").give_overdue_verifications(),
        member("caller").call_back(),
        member("operator").assign(department_ids),
        member("operator").keep_record(),
        member("operator").decide_requests(),
        *(member(each).decide_appeals() for each in ("operator", "operator-2")),
        member("operator").follow_up_overdue(),
        member("operator").plan_constructions(),
        member("operator").strike_off(),
    ]
