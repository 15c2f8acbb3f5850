"""Bringing the stack up and down from any process, and finding it again: what every command stands on."""

import asyncio
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import asyncpg

from paidan_chassis.consumer.halts import (
    Anchor,
    KeptHalt,
    resume,
    standing,
)
from paidan_deploy.errors import DeployError
from paidan_deploy.servers import probes, process
from paidan_deploy.servers.reap import reap
from paidan_deploy.settings import Settings, settings
from paidan_deploy.stack.credentials import Credentials
from paidan_deploy.stack.lock import is_kept
from paidan_deploy.stack.paths import Home
from paidan_deploy.stack.saved_servers import Remembered
from paidan_deploy.stack.servers import Servers
from paidan_deploy.stack.services import SERVICES
from paidan_deploy.stack.state import ServiceState, State, read_state

Say = Callable[[str], None]
DOWNLOADED_WITHIN_S: Final = 600.0
READY_WITHIN_S: Final = 120.0
DOWN_WITHIN_S: Final = 15.0


class NotUpError(DeployError):
    """The stack is not up; `paidan up --detach` starts it."""


class StillUpError(DeployError):
    """A supervisor is starting, or has not ended in time."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Where everything of a running installation is found: for every command that works with it."""

    kafka: str
    database: str
    topic_prefix: str
    urls: Mapping[str, str]
    """Of the services that run; a port whose service is down may be anybody's."""
    admin_token: str

    def url(self, service: str) -> str:
        """Give a service's address. Raises NotUpError when it is down: keys are for no stranger on its port."""
        if service not in self.urls:
            raise NotUpError(f"{service} is not running; `paidan status` says why")
        return self.urls[service]


@dataclass(frozen=True, slots=True)
class Stack:
    """The local stack, running or not."""

    settings: Settings
    home: Home
    credentials: Credentials
    servers: Servers

    @classmethod
    def here(cls) -> "Stack":
        """Find the stack of this checkout, or of PAIDAN_HOME, on the servers that it was started with.

        Raises OtherServersError when a variable names others than those of a stack that runs.
        """
        stack = cls.as_set()
        kept = Remembered.read(stack.home.remembered)
        running = stack.state is not None
        return stack if kept is None else cls._on(kept.beside(stack.settings, running=running))

    @classmethod
    def to_start(cls) -> "Stack":
        """Find it as it runs; where it does not, on the servers that are set now."""
        stack = cls.as_set()
        return stack if stack.state is None else cls.here()

    @classmethod
    def to_stop(cls) -> "Stack":
        """Find it on the servers that it was started with, whatever is set now."""
        stack = cls.as_set()
        kept = Remembered.read(stack.home.remembered)
        return stack if kept is None else cls._on(kept.in_place_of(stack.settings))

    @classmethod
    def as_set(cls) -> "Stack":
        """Find it on the servers that are set now, whatever it was started with."""
        return cls._on(settings())

    @classmethod
    def _on(cls, chosen: Settings) -> "Stack":
        home = Home(chosen.home)
        credentials = Credentials(home.secrets)
        return cls(chosen, home, credentials, Servers(chosen, home, credentials))

    @property
    def state(self) -> State | None:
        """What the supervisor says; None unless one lives."""
        told = read_state(self.home.state)
        return told if told is not None and told.alive else None

    def asked(self) -> State | None:
        """Give what the supervisor says, after asking each service that it believes to be running."""
        told = self.state
        return None if told is None else replace(told, services=tuple(map(_asked, told.services)))

    def installation(self) -> Installation:
        """Give the addresses of the running installation. Raises NotUpError."""
        running = self.asked()
        if running is None or running.phase != "ready":
            raise NotUpError("the stack is not up; `paidan up --detach` starts it")
        return Installation(
            kafka=self.servers.bootstrap,
            database=self.servers.dsn,
            topic_prefix=self.settings.topic_prefix,
            urls={service.name: service.url for service in running.services if service.condition == "running"},
            admin_token=self.credentials.admin_token,
        )

    def up(self, say: Say) -> State:
        """Start it in the background unless it runs, and wait until it is ready. Raises DeployError with the reason."""
        if (running := self.state) is not None and running.phase == "ready":
            return running
        if running is None:
            argv = [sys.executable, "-m", "paidan_deploy.stack.supervisor"]
            born = process.Launch(argv=argv, log=self.home.log / "supervisor.log").detach()
        else:
            born = running.supervisor
        return self._await_ready(born, say)

    def _await_ready(self, born: process.Born, say: Say) -> State:
        deadline = time.monotonic() + DOWNLOADED_WITHIN_S
        told: State | None = None
        while time.monotonic() < deadline:
            told = self._told_by(born)
            if told is not None and told.phase == "ready":
                return told
            if born.find() is None and is_kept(self.home):
                # Somebody else's supervisor was there first: this is its stack.
                told = self.state
                born = told.supervisor if told is not None else born
            elif born.find() is None:
                why = told.message if told is not None and told.message else "it ended while starting"
                raise DeployError(f"{why} (its log is {self.home.log / 'supervisor.log'})")
            if told is not None and told.services:
                deadline = min(deadline, time.monotonic() + READY_WITHIN_S)
            say(told.message if told is not None else "starting")
            time.sleep(0.1)
        late = [each for each in told.services if each.condition != "running"] if told is not None else []
        reasons = "; ".join(f"{each.name} is {each.condition} {each.detail}".strip() for each in late)
        raise DeployError(f"not ready in time: {reasons or 'no service was started'}; logs are in {self.home.log}")

    def _told_by(self, born: process.Born) -> State | None:
        told = read_state(self.home.state)
        return told if told is not None and told.supervisor == born else None

    def down(self) -> bool:
        """Stop everything in order; False when nothing ran. What a killed supervisor left is ended too.

        Raises StillUpError rather than taking away the ground from under a supervisor that does not end.
        """
        born = process.Born.read(self.home.services / "supervisor" / "process.json")
        supervisor = None if born is None else born.find()
        if supervisor is not None:
            process.send(supervisor, signal.SIGTERM)
            process.wait_gone([supervisor], timeout_s=DOWN_WITHIN_S)
        if is_kept(self.home):
            raise StillUpError(f"a supervisor keeps the stack up; its log is {self.home.log / 'supervisor.log'}")
        left = reap(self.home.services) if self.home.services.exists() else 0
        self.servers.stop()
        return supervisor is not None or left > 0

    def wipe(self) -> None:
        """Remove all data and secrets; what was downloaded stays."""
        if (database := self.servers.own_postgres) is not None:
            database.wipe()
        home = self.home
        for folder in (home.kafka, home.postgres, home.secrets, home.photos, home.log, home.services):
            shutil.rmtree(folder, ignore_errors=True)
        home.state.unlink(missing_ok=True)
        home.remembered.unlink(missing_ok=True)

    def halts(self) -> dict[str, list[KeptHalt]]:
        """Read the halts that stand, by service. Empty when the database cannot be asked."""
        try:
            return asyncio.run(self._halts())
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return {}

    async def _halts(self) -> dict[str, list[KeptHalt]]:
        connection = await asyncpg.connect(self.servers.dsn, timeout=5)
        try:
            found = {}
            for service in SERVICES:
                await connection.execute(f"SET search_path = {service.name}")
                found[service.name] = list(await standing(connection))
            return found
        finally:
            await connection.close()

    def resume(self, service: str | None, anchor: Anchor) -> int:
        """Lift the halts of one service or all, and let the supervisor start what had halted. Tells how many."""
        lifted = asyncio.run(self._resume(service, anchor))
        running = self.state
        if running is not None and (supervisor := running.supervisor.find()) is not None:
            process.send(supervisor, signal.SIGHUP)
        return lifted

    async def _resume(self, service: str | None, anchor: Anchor) -> int:
        connection = await asyncpg.connect(self.servers.dsn, timeout=5)
        try:
            lifted = 0
            for each in SERVICES:
                if service in {None, each.name}:
                    await connection.execute(f"SET search_path = {each.name}")
                    lifted += await resume(connection, anchor=anchor)
            return lifted
        finally:
            await connection.close()


def _asked(service: ServiceState) -> ServiceState:
    port = int(service.url.rpartition(":")[2])
    if service.condition != "running" or probes.service_answers(port, service.instance) != "stranger":
        return service
    return replace(service, condition="waiting", detail=f"another process answers on port {port}")
