"""The services' edges in this process, with one case, one report and one photo, and a key of every kind."""

import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
from pydantic import SecretStr

from paidan_chassis.consumer.record_content import RecordContent
from paidan_chassis.edge.api_keys import NewApiKey
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.producer import Publisher
from paidan_cockpit import app as cockpit
from paidan_cockpit.settings import Settings as CockpitSettings
from paidan_dispatch import app as dispatch
from paidan_intake import app as intake
from paidan_intake.settings import Settings as IntakeSettings
from paidan_scoring import app as scoring
from paidan_scoring.settings import Settings as ScoringSettings
from tests import vault
from tests.authorisation.keys import Keys, make_keys, store_keys
from tests.boundaries.in_process import client_of, common_settings, new_prefix, open_dispatch, process_of
from tests.chassis.token_issuer import Issuer, open_issuer
from tests.cockpit import cockpit_service
from tests.cockpit.cockpit_edge import NOWHERE
from tests.dispatch.inbox_entries import build_report, case_id_of
from tests.intake.intake_service import prepared_service
from tests.intake.sample_photos import make_jpeg
from tests.intake.ticket_payloads import build_ticket
from tests.scoring.scoring_service import running_service
from tests.servers import ServerAddresses, fresh_database

PLACE: Final[dict[str, Any]] = {"latitude": 36.01, "longitude": 117.01, "district": "990101", "street": "990101001"}
SCORE_ID: Final = "00000000-0000-5000-8000-000000000001"


@dataclass(slots=True)
class Edges:
    """A client of each service, keys, the issuer of persons' tokens, and the ids of what is in them."""

    clients: dict[str, httpx.AsyncClient]
    keys: Keys
    issuer: Issuer
    ids: dict[str, dict[str, str]]
    """By service: of its case, its report..."""


@asynccontextmanager
async def open_edges(servers: ServerAddresses, folder: Path) -> AsyncIterator[Edges]:
    """Open all edges; Kafka and PostgreSQL are real."""
    async with AsyncExitStack() as stack:
        stored, keys = make_keys()
        issuer = await stack.enter_async_context(open_issuer())
        edges = Edges({}, keys, issuer, {"scoring": {"score_id": SCORE_ID}, "cockpit": {}})
        await _open_dispatch(stack, servers, edges, stored)
        await _open_intake(stack, servers, edges, stored, folder)
        await _open_scoring(stack, servers, edges, stored, folder)
        await _open_cockpit(stack, servers, edges, stored, folder)
        yield edges


async def _add_operator_work(dsn: str, service: str, edges: Edges, cluster: KafkaCluster) -> None:
    """Add two dead letters that wait and a halt, of a consumer that does not run and has decided everything."""
    letter_ids = [uuid.uuid4(), uuid.uuid4()]
    content = RecordContent(b"k", b"unreadable", ()).pack()
    async with Publisher(cluster, client_id="matrix") as publisher:
        await publisher.partitions("matrix")
    conn = await asyncpg.connect(dsn, server_settings={"search_path": service})
    try:
        await conn.execute(
            "INSERT INTO lane (consumer, topic, partition, next_offset) VALUES ('matrix', 'matrix', 0, 99)"
        )
        for offset, letter_id in enumerate(letter_ids):
            key_id, sealed = astuple(vault.build_cipher().encrypt(content, associated_data=str(letter_id)))
            await conn.execute(
                "INSERT INTO dead_letter"
                " (letter_id, consumer, topic, partition, log_offset, key_id, sealed, reason, detail)"
                " VALUES ($1, 'matrix', 'matrix', 0, $2, $3, $4, 'unreadable', '')",
                letter_id, offset, key_id, sealed,
            )  # fmt: skip
        halt_id = await conn.fetchval(
            "INSERT INTO halt (consumer, reason, detail) VALUES ('matrix', 'topic_changed', '') RETURNING halt_id"
        )
    finally:
        await conn.close()
    first, second = map(str, letter_ids)
    edges.ids[service] |= {"letter_id": first, "redriven_letter_id": second, "halt_id": str(halt_id)}


async def _open_dispatch(
    stack: AsyncExitStack, servers: ServerAddresses, edges: Edges, stored: list[NewApiKey]
) -> None:
    opened = await stack.enter_async_context(
        open_dispatch(servers, "loop", "edge", persons_issuer=edges.issuer.address)
    )
    await store_keys(opened.service.dsn, "dispatch", stored)
    await opened.run(dispatch.INBOX_CONSUMER)
    noted, report = build_report("thanks", matter="praise"), build_report("matrix", place=PLACE)
    await opened.service.append_to_inbox(noted, report)
    await opened.clients.wait_for_event(case_id_of(report), "case.opened.v1")
    client = edges.clients["dispatch"] = await stack.enter_async_context(client_of(opened.parts))
    accepted = await client.post(
        f"/v1/cases/{case_id_of(report)}/actions",
        json={"action": {"kind": "accept"}},
        headers=edges.keys.valid["department", "tiny"] | {"Idempotency-Key": "accept"},
    )
    await opened.clients.wait_for_event(case_id_of(report), "case.accepted.v1")
    edges.ids["dispatch"] = {
        "case_id": case_id_of(report),
        "action_id": accepted.json()["action_id"],
        "report_id": noted.report_id,
        "declaration_id": report.report_id,
    }
    cluster = KafkaCluster(servers.kafka, opened.clients.prefix)
    await _add_operator_work(opened.service.dsn, "dispatch", edges, cluster)


async def _open_intake(
    stack: AsyncExitStack, servers: ServerAddresses, edges: Edges, stored: list[NewApiKey], folder: Path
) -> None:
    dsn = await stack.enter_async_context(fresh_database(servers))
    service = await stack.enter_async_context(prepared_service(servers.kafka, dsn, new_prefix(), folder))
    await store_keys(dsn, "intake", stored)
    settings = IntakeSettings(
        **common_settings(service.kafka, dsn, service.prefix),
        persons_issuer=edges.issuer.address,
        link_key=SecretStr("a secret that signs links in tests"),
        photos=folder / "photos",
    )
    parts = await stack.enter_async_context(intake.build(settings, process_of("intake", "edge")))
    client = edges.clients["intake"] = await stack.enter_async_context(client_of(parts))
    headers = edges.keys.valid["source", "tiny"]
    photo = await client.post("/v1/photos", content=make_jpeg(), headers=headers)
    body = build_ticket(source_ref="matrix", reporter={"name": "王敏", "phone": "13812345678"}, wants_callback=True)
    ticket = await client.post("/v1/tickets", json=body, headers=headers)
    assert (photo.status_code, ticket.status_code) == (201, 202), (photo.text, ticket.text)
    # As intake reads from paidan.cases, which nobody writes here.
    case_id = case_id_of(build_report("matrix"))
    await service.fetch("INSERT INTO case_photo (ref, case_id) VALUES ($1, $2)", photo.json()["ref"], case_id)
    await service.fetch(
        "INSERT INTO standing (case_id, version, status, changed_at, departments)"
        " VALUES ($1, 1, 'handling', now(), ARRAY['streets'])",
        case_id,
    )
    edges.ids["intake"] = {
        "ref": photo.json()["ref"],
        "report_id": ticket.json()["report_id"],
        "case_id": case_id,
    }
    await service.set_status(ticket.json()["report_id"], "closed", [ticket.json()["report_id"]])
    await service.fetch("UPDATE standing SET class_code = 'E0110', places = $1", [PLACE["district"], PLACE["street"]])
    erased = await client.post("/v1/tickets", json=body | {"source_ref": "erased"}, headers=headers)
    edges.ids["intake"]["erased_report_id"] = erased.json()["report_id"]
    await _add_operator_work(dsn, "intake", edges, KafkaCluster(servers.kafka, service.prefix))


async def _open_scoring(
    stack: AsyncExitStack, servers: ServerAddresses, edges: Edges, stored: list[NewApiKey], folder: Path
) -> None:
    service = await stack.enter_async_context(running_service(servers, new_prefix(), folder))
    await store_keys(service.dsn, "scoring", stored)
    settings = ScoringSettings(
        **common_settings(servers.kafka, service.dsn, service.prefix), persons_issuer=edges.issuer.address
    )
    parts = await stack.enter_async_context(scoring.build(settings, process_of("scoring", "edge")))
    client = edges.clients["scoring"] = await stack.enter_async_context(client_of(parts))
    definitions = await client.get("/v1/indicators?city=tiny", headers=edges.keys.valid["monitor", "tiny"])
    await service.pool.execute(
        "INSERT INTO score (score_id, city, period, dimension, key, indicator, indicator_version)"
        " VALUES ($1, 'tiny', '2026-03', 'department', 'streets', $2, $3)",
        SCORE_ID,
        definitions.json()["rates"][0]["id"],
        definitions.json()["version"],
    )
    await _add_operator_work(service.dsn, "scoring", edges, KafkaCluster(servers.kafka, service.prefix))


async def _open_cockpit(
    stack: AsyncExitStack, servers: ServerAddresses, edges: Edges, stored: list[NewApiKey], folder: Path
) -> None:
    service = await stack.enter_async_context(cockpit_service.running_service(servers, new_prefix(), folder))
    await store_keys(service.dsn, "cockpit", stored)
    settings = CockpitSettings(
        **common_settings(servers.kafka, service.dsn, service.prefix),
        persons_issuer=edges.issuer.address,
        token_key=SecretStr(vault.KEY),
        intake=NOWHERE,
        dispatch=NOWHERE,
        scoring=NOWHERE,
    )
    parts = await stack.enter_async_context(cockpit.build(settings, process_of("cockpit", "edge")))
    edges.clients["cockpit"] = await stack.enter_async_context(client_of(parts))
    await _add_operator_work(service.dsn, "cockpit", edges, KafkaCluster(servers.kafka, service.prefix))
