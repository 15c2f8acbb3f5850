"""The stack's Kafka and PostgreSQL: its own under `.paidan`, or the user's."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import psutil

from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_contracts.topics import find_topic
from paidan_deploy.credentials import Credentials
from paidan_deploy.errors import NotUpError
from paidan_deploy.jars.cache import ensure_jars
from paidan_deploy.paths import StackPaths
from paidan_deploy.servers import kafka, postgres
from paidan_deploy.servers.dsn import DATABASE_NAME, dsn_for_database, dsn_for_role, redact_password
from paidan_deploy.servers.kafka import KafkaServer
from paidan_deploy.servers.postgres import PostgresServer
from paidan_deploy.settings import StackSettings
from paidan_deploy.stack.state import ServerState

NO_ACLS_NOTE: Final = (
    "Kafka runs without ACLs: any client that reaches it can write as any department. "
    "That is acceptable on one machine only; a deployment sets ACLs."
    " / Kafka 未设 ACL：能连上它的任何客户端都可冒充任一部门写入。这只在单机上可以接受；正式部署须设 ACL。"
)
OnProgress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Servers:
    """Both servers, each the stack's own or the user's."""

    settings: StackSettings
    paths: StackPaths
    credentials: Credentials

    @property
    def own_kafka(self) -> KafkaServer | None:
        if self.settings.kafka is not None:
            return None
        return KafkaServer(
            home=self.paths.kafka,
            cache=self.paths.cache,
            preferred_port=kafka.PORT,
            preferred_controller_port=kafka.CONTROLLER_PORT,
        )

    @property
    def own_postgres(self) -> PostgresServer | None:
        if self.settings.database is not None:
            return None
        password = self.credentials.password("postgres")
        return PostgresServer(home=self.paths.postgres, preferred_port=postgres.PORT, password=password)

    @property
    def bootstrap(self) -> str:
        """Kafka's bootstrap address."""
        own = self.own_kafka
        return own.address if own is not None else str(self.settings.kafka)

    @property
    def cluster(self) -> KafkaCluster:
        """The Kafka cluster, with the login and encryption that the settings have for one of the user's."""
        security = None if self.settings.kafka is None else self.settings.kafka_security()
        return KafkaCluster(self.bootstrap, self.settings.topic_prefix, topic_spec=find_topic, security=security)

    @property
    def maintenance_dsn(self) -> str:
        """The DSN for creating the database; on the user's server it is that of the database itself."""
        own = self.own_postgres
        return str(self.settings.database) if own is None else dsn_for_role(own.dsn, "postgres", str(own.password))

    @property
    def dsn(self) -> str:
        """The DSN of the database's owner."""
        if self.settings.database is not None:
            return self.settings.database
        return dsn_for_database(self.maintenance_dsn, DATABASE_NAME)

    def running_dsn(self) -> str:
        """Return the same of a server of the user's, or of our own while it runs. Raises NotUpError."""
        if self.own_postgres is not None and self.own_postgres.process is None:
            raise NotUpError
        return self.dsn

    def start(self, on_progress: OnProgress) -> None:
        """Start our own servers that do not run yet, both at once, downloading what is missing."""
        if self.own_kafka is not None:
            ensure_jars(
                "kafka",
                self.paths.cache,
                lambda done, total: on_progress(f"downloading Kafka 正在下载, jars {done}/{total}"),
            )
        on_progress("starting Kafka and PostgreSQL / 正在启动 Kafka 和 PostgreSQL")
        own_servers = [server for server in (self.own_postgres, self.own_kafka) if server is not None]
        with ThreadPoolExecutor() as pool:
            for started in [pool.submit(server.start, keep_port=False) for server in own_servers]:
                started.result()

    def notes(self) -> list[str]:
        """Return notes: that Kafka has no ACLs, and which of our servers listens elsewhere than it should."""
        own_servers = (("Kafka", self.own_kafka), ("PostgreSQL", self.own_postgres))
        no_acls = [] if self.settings.kafka is not None and self.settings.kafka_sasl else [NO_ACLS_NOTE]
        return no_acls + [
            f"port {server.preferred_port} was taken: {name} listens on {server.port}"
            f" / 端口 {server.preferred_port} 已被占用：{name} 在 {server.port} 上监听"
            for name, server in own_servers
            if server is not None and server.port != server.preferred_port
        ]

    def stop(self) -> None:
        """Stop our own servers: Kafka first, PostgreSQL last."""
        if (broker := self.own_kafka) is not None:
            broker.stop(timeout_s=4)
        if (database := self.own_postgres) is not None:
            database.stop(timeout_s=2)

    def kafka_state(self) -> ServerState:
        own = self.own_kafka
        if own is None:
            return ServerState(address=self.bootstrap)
        return ServerState(address=own.address, pid=_pid_of(own.process), folder=str(own.home))

    def postgres_state(self) -> ServerState:
        own = self.own_postgres
        if own is None:
            return ServerState(address=redact_password(str(self.settings.database)))
        return ServerState(address=redact_password(self.dsn), pid=_pid_of(own.process), folder=str(own.data_folder))


def _pid_of(running: psutil.Process | None) -> int | None:
    return None if running is None else running.pid
