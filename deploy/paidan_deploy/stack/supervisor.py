"""The background process that starts the whole stack, keeps it running, and stops it."""

import asyncio
import logging
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from paidan_chassis.clock import ClockKind
from paidan_deploy.citypacks.bootstrap import publish_missing_packs
from paidan_deploy.credentials import Credentials
from paidan_deploy.paths import StackPaths
from paidan_deploy.provisioning import database, release
from paidan_deploy.provisioning.clock import settle_clock
from paidan_deploy.provisioning.topics import create_topics
from paidan_deploy.servers import process
from paidan_deploy.services import SERVICES, STOP_TIMEOUT_S
from paidan_deploy.settings import StackSettings, load_settings
from paidan_deploy.stack import file_modes
from paidan_deploy.stack.lock import supervisor_lock
from paidan_deploy.stack.saved_servers import SavedServers
from paidan_deploy.stack.scheduled_check import ScheduledCheck
from paidan_deploy.stack.server_errors import explain
from paidan_deploy.stack.server_restarts import ServerRestarts
from paidan_deploy.stack.servers import Servers
from paidan_deploy.stack.service_process import FINAL_CONDITIONS, SupervisedService
from paidan_deploy.stack.state import Phase, StackState
from paidan_deploy.stack.supervised_services import ServiceInstallation, supervised_services

log = logging.getLogger("paidan")

TICK_S: Final = 0.1


class _StopRequested(Exception):
    pass


@dataclass(slots=True)
class Supervisor:
    """One run, from taking the lock to the end of the last process."""

    settings: StackSettings
    paths: StackPaths
    credentials: Credentials
    servers: Servers
    check: ScheduledCheck
    state: StackState
    published: StackState | None = None
    """The state that was last written."""
    services: list[SupervisedService] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    user: int | None = None
    clock: ClockKind = "real"
    stopping: bool = False
    resuming: bool = False
    interruptible: bool = False
    server_restarts: ServerRestarts = field(default_factory=ServerRestarts)

    def run(self) -> int:
        """Start everything, keep it running until a signal, and stop it in order."""
        failed = False
        try:
            self._start_all()
            while not self.stopping:
                self._tick()
                time.sleep(TICK_S)
        except _StopRequested:
            log.info("stopped while starting")
        except Exception as error:
            failed = True
            log.exception("the stack failed")
            self._publish_state("failed", explain(error) or str(error) or type(error).__name__)
        self._stop_all(failed=failed)
        return 1 if failed else 0

    def handle_stop_signal(self, _number: int, _frame: object) -> None:
        self.stopping = True
        if self.interruptible:
            raise _StopRequested

    def handle_resume_signal(self, _number: int, _frame: object) -> None:
        # Handled between two ticks: within one, a service whose exit is being handled could be started twice.
        self.resuming = True

    def _start_all(self) -> None:
        self.interruptible = True
        self._publish_state("starting", "stopping processes of the last run / 正在停止上次运行的进程")
        self._terminate_orphans()
        self.servers.start(lambda message: self._publish_state("starting", message))
        self._update_server_states()
        for text in self.servers.notes():
            self._add_note(text)
        self._publish_state("starting", "creating tables and topics / 正在建立表和主题")
        asyncio.run(self._provision())
        self._publish_state("starting", "starting services / 正在启动各服务")
        installation = ServiceInstallation(self.settings, self.paths, self.credentials, self.servers, self.user)
        self.services = supervised_services(installation, self.clock)
        self.interruptible = False
        for each in self.services:
            each.start()

    async def _provision(self) -> None:
        if self.servers.own_postgres is not None:
            await database.create_database(self.servers.maintenance_dsn)
        packs, dsn, kafka = self.settings.cities, self.servers.dsn, self.servers.cluster
        await release.require_drained(dsn, kafka)
        await database.prepare_database(dsn, self.credentials)
        self.clock = await settle_clock(dsn, self.settings.clock, packs)
        await create_topics(kafka)
        self._publish_state("starting", "publishing city packs / 正在发布城市配置包")
        for message in await publish_missing_packs(packs, dsn=dsn, kafka=kafka):
            log.info("%s", message)

    def _terminate_orphans(self) -> None:
        """Stop services of a killed supervisor: they hold ports, and nothing would restart them."""
        for service in SERVICES:
            identity = process.ProcessIdentity.read(self.paths.services / service.name / "process.json")
            if identity is not None and (orphan := identity.find()) is not None:
                log.warning("stopping %s, left running by a supervisor that was killed", service.name)
                process.terminate(orphan, signal.SIGTERM, timeout_s=STOP_TIMEOUT_S)

    def _tick(self) -> None:
        if self.server_restarts.tick(self.servers.own_postgres, self.servers.own_kafka):
            self._update_server_states()
        if self.resuming:
            self.resuming = False
            for each in self.services:
                each.resume()
        for each in self.services:
            each.tick()
        all_settled = all(each.condition in {"running", *FINAL_CONDITIONS.values()} for each in self.services)
        phase: Phase = "ready" if self.state.phase == "ready" or all_settled else "starting"
        self._publish_state(phase, "" if phase == "ready" else "waiting for services to be ready / 正在等待各服务就绪")
        if phase == "ready":
            self.check.tick()

    def _stop_all(self, *, failed: bool) -> None:
        """Stop services first, so that each can finish its work while both servers still answer."""
        last_state = self.state
        self.check.stop()
        self._publish_state("stopping", "stopping services / 正在停止各服务")
        for each in self.services:
            each.request_stop()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for each in self.services:
            each.wait_stopped(deadline)
        self._publish_state("stopping", "stopping Kafka and PostgreSQL / 正在停止 Kafka 和 PostgreSQL")
        self.servers.stop()
        self._update_server_states()
        self._publish_state("failed" if failed else "stopped", last_state.message if failed else "")

    def _update_server_states(self) -> None:
        kafka, postgres = self.servers.kafka_state(), self.servers.postgres_state()
        self.state = replace(self.state, kafka=kafka, postgres=postgres)

    def _add_note(self, text: str) -> None:
        log.warning("%s", text)
        self.notes.append(text)

    def _publish_state(self, phase: Phase, message: str) -> None:
        port_notes = [each.port_note for each in self.services]
        state = replace(
            self.state,
            phase=phase,
            message=message,
            services=tuple(each.state for each in self.services),
            notes=(*self.notes, *self.server_restarts.notes, *filter(None, [self.check.note, *port_notes])),
        )
        if message and message != self.state.message:
            log.info("%s", message)
        self.state = state
        if state != self.published or not self.paths.state.exists():
            # Retried at the next tick: a full disk must not end the stack.
            with suppress(OSError):
                state.write(self.paths.state)
                self.published = state


def main() -> int:
    """Run the supervisor in this process until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    settings = load_settings()
    paths = StackPaths(settings.home)
    credentials = Credentials(paths.secrets)
    os.umask(process.FILE_UMASK)
    with supervisor_lock(paths):
        user, notes = file_modes.prepare(paths)
        identity = process.ProcessIdentity.of(os.getpid())
        identity.write(paths.services / "supervisor" / "process.json")
        SavedServers.from_settings(settings).write(paths.saved_servers)
        supervisor = Supervisor(
            settings=settings,
            paths=paths,
            credentials=credentials,
            servers=Servers(settings, paths, credentials),
            check=ScheduledCheck(
                argv=[sys.executable, "-m", "paidan_deploy", "verify"],
                every_s=settings.check_every_s,
                log=paths.log / "verify.log",
                identity_file=paths.services / "verify" / "process.json",
            ),
            state=StackState(supervisor=identity, phase="starting"),
            user=user,
            notes=notes,
        )
        signal.signal(signal.SIGTERM, supervisor.handle_stop_signal)
        signal.signal(signal.SIGINT, supervisor.handle_stop_signal)
        signal.signal(signal.SIGHUP, supervisor.handle_resume_signal)
        return supervisor.run()


if __name__ == "__main__":
    sys.exit(main())
