"""Starts, stops and inspects the local stack, from any process."""

import asyncio
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import asyncpg

from paidan_chassis.consumer.halts import ResumeFrom
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_deploy.credentials import Credentials
from paidan_deploy.errors import DeployError, NotUpError
from paidan_deploy.paths import StackPaths
from paidan_deploy.provisioning.clock import WAY_OUT, WAY_OUT_ZH, ClockReading, ClockRefused, read_clock
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.servers import probes, process
from paidan_deploy.servers.reap import reap
from paidan_deploy.settings import StackSettings, load_settings
from paidan_deploy.stack.consumers import ConsumerStates, clear_halts, load_consumer_states
from paidan_deploy.stack.lock import is_locked
from paidan_deploy.stack.saved_servers import SavedServers
from paidan_deploy.stack.servers import OnProgress, Servers
from paidan_deploy.stack.state import CONDITION_NAMES, OTHER_PROCESS, ServiceState, StackState, read_state

DOWNLOAD_TIMEOUT_S: Final = 600.0
READY_TIMEOUT_S: Final = 120.0
DOWN_TIMEOUT_S: Final = 15.0


class StillUpError(DeployError):
    """A supervisor is starting, or has not stopped in time."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Addresses and the operator's token of a running installation."""

    cluster: KafkaCluster
    database: str
    urls: Mapping[str, str]
    """Of running services only: another process may listen on the port of one that is down."""
    admin_token: str
    services: frozenset[str] = frozenset()
    """Names of the services that it has, up or down."""

    def url(self, service: str) -> str:
        """Return a service's address. Raises NotUpError when it is down: another process might get our key."""
        if service not in self.urls:
            raise NotUpError(f"{service} is not running; see `paidan status` / {service} 未在运行，见 `paidan status`")
        return self.urls[service]


@dataclass(frozen=True, slots=True)
class Stack:
    """The local stack, running or not."""

    settings: StackSettings
    paths: StackPaths
    credentials: Credentials
    servers: Servers

    @classmethod
    def current(cls) -> "Stack":
        """Return the stack of this checkout or PAIDAN_HOME, on the servers that it was started with.

        Raises OtherServersError when a variable names other servers than the running stack has.
        """
        stack = cls.from_settings()
        saved = SavedServers.read(stack.paths.saved_servers)
        running = stack.state is not None
        return stack if saved is None else cls._with_settings(saved.merge(stack.settings, running=running))

    @classmethod
    def for_start(cls) -> "Stack":
        """Return the running stack; if none runs, one on the servers that are set now."""
        stack = cls.from_settings()
        return stack if stack.state is None else cls.current()

    @classmethod
    def for_stop(cls) -> "Stack":
        """Return the stack on the servers that it was started with, whatever is set now."""
        stack = cls.from_settings()
        saved = SavedServers.read(stack.paths.saved_servers)
        return stack if saved is None else cls._with_settings(saved.override(stack.settings))

    @classmethod
    def from_settings(cls) -> "Stack":
        """Return the stack on the servers that are set now, whatever it was started with."""
        return cls._with_settings(load_settings())

    @classmethod
    def _with_settings(cls, settings: StackSettings) -> "Stack":
        paths = StackPaths(settings.home)
        credentials = Credentials(paths.secrets)
        return cls(settings, paths, credentials, Servers(settings, paths, credentials))

    @property
    def state(self) -> StackState | None:
        """The supervisor's published state; None unless it runs."""
        state = read_state(self.paths.state)
        return state if state is not None and state.is_alive else None

    def probed_state(self) -> StackState | None:
        """Return the published state, corrected by probing each service that is listed as running."""
        state = self.state
        return None if state is None else replace(state, services=tuple(map(_probed, state.services)))

    def installation(self) -> Installation:
        """Return the running installation. Raises NotUpError."""
        running = self.probed_state()
        if running is None or running.phase != "ready":
            raise NotUpError
        return Installation(
            cluster=self.servers.cluster,
            database=self.servers.dsn,
            urls={service.name: service.url for service in running.services if service.answers},
            admin_token=self.credentials.admin_token,
            services=frozenset(service.name for service in running.services),
        )

    def up(self, on_progress: OnProgress) -> StackState:
        """Start it in the background unless it runs, and wait until it is ready. Raises DeployError with the reason."""
        if (running := self.state) is not None and running.phase == "ready":
            self._check_clock()
            return running
        if running is None:
            argv = [sys.executable, "-m", "paidan_deploy.stack.supervisor"]
            supervisor = process.ProcessLaunch(argv=argv, log=self.paths.log / "supervisor.log").detach()
        else:
            supervisor = running.supervisor
        return self._await_ready(supervisor, on_progress)

    def _check_clock(self) -> None:
        requested, clock = self.settings.clock, self.clock() if self.settings.clock else None
        if clock is not None and clock.kind != requested:
            raise ClockRefused(
                f"PAIDAN_CLOCK={requested}, but the running stack's clock is {clock.kind}: {WAY_OUT}"
                f" / PAIDAN_CLOCK={requested}，而运行中的栈的时钟为 {clock.kind}：{WAY_OUT_ZH}"
            )

    def _await_ready(self, supervisor: process.ProcessIdentity, on_progress: OnProgress) -> StackState:
        deadline = time.monotonic() + DOWNLOAD_TIMEOUT_S
        state: StackState | None = None
        while time.monotonic() < deadline:
            state = self._state_of(supervisor)
            if state is not None and state.phase == "ready":
                return state
            if supervisor.find() is None and is_locked(self.paths):
                # Another command's supervisor was first: this is its stack.
                state = self.state
                supervisor = state.supervisor if state is not None else supervisor
            elif supervisor.find() is None:
                reason = (
                    state.message if state is not None and state.message else "it ended while starting / 启动时即退出"
                )
                reason, _, reason_zh = reason.partition(" / ")
                log = self.paths.log / "supervisor.log"
                raise DeployError(
                    f"{reason} (its log is {log}) / 本地栈未能启动：{reason_zh or reason}（日志见 {log}）"
                )
            if state is not None and state.services:
                deadline = min(deadline, time.monotonic() + READY_TIMEOUT_S)
            on_progress(state.message if state is not None else "starting 正在启动")
            time.sleep(0.1)
        not_ready = [each for each in state.services if not each.answers] if state is not None else []
        reasons = "; ".join(
            f"{each.name} {CONDITION_NAMES[each.condition]} {each.detail}".strip() for each in not_ready
        )
        raise DeployError(
            f"not ready in time, logs are in {self.paths.log} / 未能按时就绪，日志在 {self.paths.log}:"
            f" {reasons or 'no service was started 没有启动任何服务'}"
        )

    def _state_of(self, supervisor: process.ProcessIdentity) -> StackState | None:
        state = read_state(self.paths.state)
        return state if state is not None and state.supervisor == supervisor else None

    def down(self) -> bool:
        """Stop everything in order; False when nothing ran. Processes that a killed supervisor left are stopped too.

        Raises StillUpError, with the servers left running, when a supervisor does not stop.
        """
        identity = process.ProcessIdentity.read(self.paths.services / "supervisor" / "process.json")
        supervisor = None if identity is None else identity.find()
        if supervisor is not None:
            process.send_signal(supervisor, signal.SIGTERM)
            process.wait_until_gone([supervisor], timeout_s=DOWN_TIMEOUT_S)
        if is_locked(self.paths):
            raise StillUpError(
                f"a supervisor is still running; its log is {self.paths.log / 'supervisor.log'}"
                f" / 监管进程仍在运行，其日志为 {self.paths.log / 'supervisor.log'}"
            )
        terminated = reap(self.paths.services) if self.paths.services.exists() else 0
        self.servers.stop()
        return supervisor is not None or terminated > 0

    def wipe(self) -> None:
        """Remove all data and secrets; downloads stay."""
        if (database := self.servers.own_postgres) is not None:
            database.remove_files()
        paths = self.paths
        folders = (paths.kafka, paths.postgres, paths.secrets, paths.photos, paths.log, paths.services, paths.imports)
        for folder in (*folders, paths.web):
            shutil.rmtree(folder, ignore_errors=True)
        paths.state.unlink(missing_ok=True)
        paths.saved_servers.unlink(missing_ok=True)

    def consumer_states(self) -> ConsumerStates:
        """Return what the database knows of consumers: halts, set-aside senders, dead letters that wait."""
        return asyncio.run(load_consumer_states(self.servers.dsn))

    def clock(self) -> ClockReading | None:
        """Return what the installation's clock shows; None when the database cannot be reached."""
        try:
            return asyncio.run(self._load_clock())
        except (OSError, TimeoutError, asyncpg.PostgresError, DeployError):
            return None

    async def _load_clock(self) -> ClockReading | None:
        async with open_connection(self.servers.dsn, timeout_s=5) as connection:
            return await read_clock(connection)

    def resume(self, service: str | None, resume_from: ResumeFrom) -> int:
        """Clear the halts of one service or all; return their number.

        Halted loops go on by themselves; a service that ended because it was halted while starting is started again.
        """
        cleared = asyncio.run(clear_halts(self.servers.running_dsn(), service, resume_from))
        running = self.state
        if running is not None and (supervisor := running.supervisor.find()) is not None:
            process.send_signal(supervisor, signal.SIGHUP)
        return cleared


def _probed(service: ServiceState) -> ServiceState:
    port = int(service.url.rpartition(":")[2])
    if not service.answers:
        return service
    if probes.probe_service(port, service.instance) == "other_process":
        return replace(service, condition="waiting", detail=OTHER_PROCESS.format(port=port))
    halted = probes.fetch_halted_loops(port, service.instance)
    return service if halted is None else service.with_halted_loops(halted)
