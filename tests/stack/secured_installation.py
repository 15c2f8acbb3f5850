"""Services that run as principals of their own, on servers with logins, TLS and ACLs."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_contracts.topics import find_topic
from paidan_deploy.credentials import Credentials
from paidan_deploy.paths import StackPaths
from paidan_deploy.servers.ports import choose_port
from paidan_deploy.services import SERVICES
from tests import fork_server
from tests.polling import poll
from tests.secured import SecuredKafka

USERS: Final = ("paidan-intake", "paidan-dispatch", "paidan-scoring", "paidan-cockpit", "streets", "camera", "stranger")
WAIT_S: Final = 30
TINY: Final = Path("tests/cities/tiny").resolve()


@dataclass(frozen=True, slots=True)
class SecuredInstallation:
    """Services that run as principals of their own, and the servers that they run on."""

    kafka: SecuredKafka
    dsn: str
    home: Path
    ports: dict[str, int]
    source_token: str

    def cluster(self, user: str, **changes: Any) -> KafkaCluster:  # noqa: ANN401 - of any setting
        security = self.kafka.settings(user, **changes).kafka_security()
        return KafkaCluster(self.kafka.server.address, topic_spec=find_topic, security=security)

    def client(self, service: str, token: str = "") -> httpx.AsyncClient:
        """Open a client that verifies the edge's certificate; by default with the operator's key."""
        token = token or Credentials(StackPaths(self.home).secrets).admin_token
        context = ssl.create_default_context(cafile=self.kafka.certificates.ca)
        return httpx.AsyncClient(
            base_url=f"https://127.0.0.1:{self.ports[service]}",
            headers={"Authorization": f"Bearer {token}"},
            verify=context,
        )


def run_command(variables: dict[str, str], *arguments: str) -> str:
    ended = fork_server.run("paidan_deploy", *arguments, environment=environment(variables), timeout_s=60)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return ended.stdout


def environment(variables: dict[str, str]) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", **variables}


@asynccontextmanager
async def running_services(kafka: SecuredKafka, folder: Path) -> AsyncIterator[dict[str, int]]:
    """Run `paidan serve` for each service, with nothing but its own folder of secrets and its own login."""
    ports: dict[str, int] = {}
    async with AsyncExitStack() as stack:
        for service in SERVICES:
            home = folder / f"home-{service.name}"
            home.mkdir()
            (home / "secrets").symlink_to(folder / "handover" / service.name)
            ports[service.name] = choose_port([], excluded=frozenset(ports.values()))
            variables = kafka.variables(f"paidan-{service.name}") | {
                "PAIDAN_HOME": str(home),
                "PAIDAN_CLOCK": "real",
                service.environment_variable("TLS_CERT"): str(kafka.certificates.cert),
                service.environment_variable("TLS_KEY"): str(kafka.certificates.key),
            }
            process = fork_server.start(
                "paidan_deploy",
                *("serve", service.name, "--port", str(ports[service.name])),
                environment=environment(variables),
                out=folder / f"{service.name}.log",
            )
            stack.callback(process.kill)
        for service in SERVICES:
            await await_ready(folder, service.name, ports[service.name])
        yield ports


async def await_ready(folder: Path, name: str, port: int) -> None:
    async def is_ready() -> bool:
        try:
            async with httpx.AsyncClient(verify=False) as client:
                return (await client.get(f"https://127.0.0.1:{port}/readyz")).status_code == 200
        except httpx.HTTPError:
            return False

    log = folder / f"{name}.log"
    await poll(is_ready, within_s=60, what=f"{name} is ready: {log.read_text()[-2000:]}")
