"""Keeps the whole stack up in the background: servers, what they must hold, and the three services."""

import asyncio
import logging
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from paidan_deploy.citypacks.bootstrap import publish_first_packs
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning import database
from paidan_deploy.servers import process
from paidan_deploy.servers.kafka import KafkaServer
from paidan_deploy.servers.postgres import PostgresServer
from paidan_deploy.settings import Settings, settings
from paidan_deploy.stack.credentials import Credentials
from paidan_deploy.stack.lock import only_one
from paidan_deploy.stack.paths import Home
from paidan_deploy.stack.saved_servers import Remembered
from paidan_deploy.stack.servers import Servers, as_role
from paidan_deploy.stack.service_process import (
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    NOT_RESTARTED,
    Watched,
)
from paidan_deploy.stack.services import (
    SERVICES,
    STOP_WITHIN_S,
    Service,
    Told,
    environment,
)
from paidan_deploy.stack.state import Phase, State

log = logging.getLogger("paidan")

EVERY_S: Final = 0.1
OPEN_KAFKA: Final = (
    "Kafka runs without ACLs: whoever reaches the cluster can write as any department. "
    "That is for one machine; a deployment sets ACLs."
)


class _StopRequested(Exception):
    pass


@dataclass(slots=True)
class Supervisor:
    """One run, from lock to last process ended."""

    settings: Settings
    home: Home
    credentials: Credentials
    servers: Servers
    state: State
    told: State | None = None
    """As it was last written."""
    watched: list[Watched] = field(default_factory=list)
    notes: list[str] = field(default_factory=lambda: [OPEN_KAFKA])
    stopping: bool = False
    resuming: bool = False
    interruptible: bool = False
    look_at_servers_at: float = 0.0
    server_wait_s: float = FIRST_WAIT_S
    trouble: tuple[str, ...] = ()

    def run(self) -> int:
        """Bring everything up, keep it up until a signal, and take it down in order."""
        failed = False
        try:
            self._bring_up()
            while not self.stopping:
                self._tick()
                time.sleep(EVERY_S)
        except _StopRequested:
            log.info("asked to stop while starting")
        except Exception as error:
            failed = True
            log.exception("the stack could not be kept up")
            self._tell("failed", str(error) or type(error).__name__)
        self._take_down(failed=failed)
        return 1 if failed else 0

    def on_stop(self, _number: int, _frame: object) -> None:
        self.stopping = True
        if self.interruptible:
            raise _StopRequested

    def on_resume(self, _number: int, _frame: object) -> None:
        # Acted on between two ticks: in the midst of one, a death half noticed would be started twice or not at all.
        self.resuming = True

    def _bring_up(self) -> None:
        self.interruptible = True
        self._tell("starting", "ending what the last run left")
        self._end_orphans()
        self.servers.start(lambda message: self._tell("starting", message))
        self._tell_servers()
        for text in self.servers.moved():
            self._note(text)
        self._tell("starting", "creating tables and topics")
        asyncio.run(self._provision())
        self._tell("starting", "starting services")
        self.watched = [self._watch(service) for service in SERVICES]
        self.interruptible = False
        for each in self.watched:
            each.start()

    async def _provision(self) -> None:
        if self.servers.own_postgres is not None:
            await database.make_database(self.servers.maintenance_dsn)
        await database.prepare_database(self.servers.dsn, self.credentials)
        await database.make_topics(self.servers.bootstrap, self.settings.topic_prefix)
        self._tell("starting", "publishing city packs")
        for said in await publish_first_packs(self.servers, self.settings):
            log.info("%s", said)

    def _watch(self, service: Service) -> Watched:
        told = Told(
            kafka=self.servers.bootstrap,
            database=as_role(self.servers.dsn, service.role, self.credentials.password(service.role)),
            topic_prefix=self.settings.topic_prefix,
            port=service.port,
            real_clock=self.settings.clock == "real",
        )
        return Watched(
            name=service.name,
            argv=service.argv,
            port=service.port,
            env=environment(service, told, home=self.home, credentials=self.credentials),
            log=self.home.log / f"{service.name}.log",
            born=self.home.services / service.name / "process.json",
        )

    def _end_orphans(self) -> None:
        """End services whose supervisor was killed: they hold ports, and nobody would restart them."""
        for service in SERVICES:
            born = process.Born.read(self.home.services / service.name / "process.json")
            if born is not None and (orphan := born.find()) is not None:
                log.warning("ending %s, left behind by a supervisor that was killed", service.name)
                process.end(orphan, signal.SIGTERM, timeout_s=STOP_WITHIN_S)

    def _tick(self) -> None:
        self._revive_servers()
        if self.resuming:
            self.resuming = False
            for each in self.watched:
                each.resume()
        for each in self.watched:
            each.tick()
        settled = all(each.condition in {"running", *NOT_RESTARTED.values()} for each in self.watched)
        phase: Phase = "ready" if self.state.phase == "ready" or settled else "starting"
        self._tell(phase, "" if phase == "ready" else "waiting for services to be ready")

    def _revive_servers(self) -> None:
        """Start a server of ours that died; where that fails, as on a full disk, again with back-off."""
        if time.monotonic() < self.look_at_servers_at:
            return
        self.trouble = tuple(filter(None, map(self._revive, (self.servers.own_postgres, self.servers.own_kafka))))
        self.server_wait_s = min(self.server_wait_s * 2, LONGEST_WAIT_S) if self.trouble else FIRST_WAIT_S
        self.look_at_servers_at = time.monotonic() + max(self.server_wait_s, 1.0)
        self._tell_servers()

    def _revive(self, server: "PostgresServer | KafkaServer | None") -> str:
        if server is None or server.process is not None:
            return ""
        name = type(server).__name__.removesuffix("Server")
        log.warning("%s died and is started again", name)
        try:
            server.start()
        except (OSError, DeployError) as error:
            log.warning("%s could not be started and is tried again: %s", name, error)
            return f"{name} died and could not be started, which is tried again: {error}"
        return ""

    def _take_down(self, *, failed: bool) -> None:
        """Services first, so that each can finish what it has in hand while both servers still answer."""
        kept = self.state
        self._tell("stopping", "stopping services")
        for each in self.watched:
            each.ask_to_stop()
        deadline = time.monotonic() + STOP_WITHIN_S
        for each in self.watched:
            each.see_it_stopped(deadline)
        self._tell("stopping", "stopping Kafka and PostgreSQL")
        self.servers.stop()
        self._tell_servers()
        self._tell("failed" if failed else "stopped", kept.message if failed else "")

    def _tell_servers(self) -> None:
        kafka, postgres = self.servers.kafka_state(), self.servers.postgres_state()
        self.state = replace(self.state, kafka=kafka, postgres=postgres)

    def _note(self, text: str) -> None:
        log.warning("%s", text)
        self.notes.append(text)

    def _tell(self, phase: Phase, message: str) -> None:
        told = replace(
            self.state,
            phase=phase,
            message=message,
            services=tuple(each.state for each in self.watched),
            notes=(*self.notes, *self.trouble, *filter(None, (each.moved for each in self.watched))),
        )
        if message and message != self.state.message:
            log.info("%s", message)
        self.state = told
        if told != self.told or not self.home.state.exists():
            # Where it cannot be written, it is tried again at the next tick: nothing ends because a disk is full.
            with suppress(OSError):
                told.write(self.home.state)
                self.told = told


def main() -> int:
    """Run the supervisor in this process until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    chosen = settings()
    home = Home(chosen.home)
    credentials = Credentials(home.secrets)
    with only_one(home):
        born = process.Born.of(os.getpid())
        born.write(home.services / "supervisor" / "process.json")
        Remembered.of(chosen).write(home.remembered)
        supervisor = Supervisor(
            settings=chosen,
            home=home,
            credentials=credentials,
            servers=Servers(chosen, home, credentials),
            state=State(supervisor=born, phase="starting"),
        )
        signal.signal(signal.SIGTERM, supervisor.on_stop)
        signal.signal(signal.SIGINT, supervisor.on_stop)
        signal.signal(signal.SIGHUP, supervisor.on_resume)
        return supervisor.run()


if __name__ == "__main__":
    sys.exit(main())
