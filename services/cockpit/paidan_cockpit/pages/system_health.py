"""How each service is: whether it answers, is ready, and how far behind its log each loop is. Reads public routes."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from paidan_cockpit.services_client import ServiceAnswer, ServiceName, ServicesClient

_LAG_SECONDS: Final = "paidan_lane_lag_seconds"
_LAG_RECORDS: Final = "paidan_lane_lag_records"
_LETTERS: Final = "paidan_dead_letters_waiting"
_SHOWN: Final = (_LAG_SECONDS, _LAG_RECORDS, _LETTERS)
_MAX_METRICS_BYTES: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class LoopHealth:
    """A loop: how long its slowest lane is behind, how many records wait, how many dead letters do."""

    name: str
    lag_s: float
    lag_records: int
    dead_letters: int


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """A service as its probes show it; None where nobody answered."""

    name: ServiceName
    address: str
    alive: bool | None
    ready: bool | None
    waits_for: Mapping[str, str]
    halted: Mapping[str, str]
    loops: Sequence[LoopHealth]

    @property
    def state(self) -> str:
        """A word for all of it: the worst thing first."""
        if self.alive is None:
            return "silent"
        if self.halted:
            return "halted"
        if not self.alive:
            return "stalled"
        return "ready" if self.ready else "unready"

    @property
    def lag_s(self) -> float:
        """How long the slowest lane is behind."""
        return max((each.lag_s for each in self.loops), default=0.0)


async def probe_services(client: ServicesClient) -> list[ServiceHealth]:
    """Return the health of all services, asked at the same time."""
    return list(await asyncio.gather(*(_probe(client, name) for name in client.addresses())))


async def _probe(client: ServicesClient, name: ServiceName) -> ServiceHealth:
    paths = ("/healthz", "/readyz", "/metrics")
    alive, ready, metrics = await asyncio.gather(*(client.probe(name, path) for path in paths))
    return ServiceHealth(
        name=name,
        address=client.addresses()[name],
        alive=alive.ok if alive else None,
        ready=ready.ok if ready else None,
        waits_for=_texts(ready, "waits_for"),
        halted=_texts(alive, "halted"),
        loops=parse_loops(metrics.content[:_MAX_METRICS_BYTES].decode(errors="replace") if metrics else ""),
    )


def _texts(answer: ServiceAnswer | None, name: str) -> Mapping[str, str]:
    body: Any = answer.body if answer else None
    texts = body.get(name) if isinstance(body, dict) else None
    return {str(key): str(value) for key, value in texts.items()} if isinstance(texts, dict) else {}


def parse_loops(metrics: str) -> list[LoopHealth]:
    """Return the loops that a page of metrics has, by name; none of a page that is none."""
    shown = "\n".join(line for line in metrics.splitlines() if line.startswith(_SHOWN))
    values: dict[tuple[str, str], list[float]] = {}
    try:
        for family in text_string_to_metric_families(shown + "\n"):
            for sample in family.samples:
                values.setdefault((sample.labels.get("loop", ""), sample.name), []).append(sample.value)
    except ValueError:
        return []
    return [
        LoopHealth(
            loop,
            lag_s=max(values.get((loop, _LAG_SECONDS), [0.0])),
            lag_records=int(sum(values.get((loop, _LAG_RECORDS), [0.0]))),
            dead_letters=int(max(values.get((loop, _LETTERS), [0.0]))),
        )
        for loop in sorted({loop for loop, _ in values})
    ]
