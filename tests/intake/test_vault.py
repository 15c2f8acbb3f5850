"""The vault: entries are encrypted, and every access is logged."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from pydantic import SecretStr, TypeAdapter

from paidan_chassis import migrations
from paidan_chassis.database import Pool, open_pool
from paidan_chassis.encryption import Cipher, DecryptionFailed, SealedContent
from paidan_deploy.provisioning.connection import open_connection
from paidan_intake import vault, vault_entries
from paidan_intake.normalization import VaultContent
from paidan_intake.tickets import Reporter
from paidan_intake.vault import Binding
from paidan_intake.vault_command import parse, reseal, run
from paidan_intake.vault_entries import Resealed
from tests import vault as keys
from tests.intake.intake_service import IntakeService
from tests.intake.ticket_payloads import build_ticket

PRIVATE = VaultContent(Reporter(name="王小明", phone="13812345678"), "原话", "西街1号", secrecy=True)


BINDING = Binding("a", "quancheng", confidential=True)


@pytest.mark.parametrize(
    "other", [BINDING._replace(report_id="b"), BINDING._replace(city="tiny"), BINDING._replace(confidential=False)]
)
def test_seal_is_bound_to_its_report_city_and_secrecy(other: Binding) -> None:
    """Whoever can write to the table could otherwise open a confidential entry as another one."""
    cipher = keys.build_cipher()
    sealed = vault.seal(cipher, BINDING, PRIVATE)

    assert vault.open_sealed(cipher, BINDING, sealed) == PRIVATE
    with pytest.raises(DecryptionFailed):
        vault.open_sealed(cipher, other, sealed)


def test_entry_of_release_0_1_opens() -> None:
    cipher = keys.build_cipher()
    old = cipher.encrypt(TypeAdapter(VaultContent).dump_json(PRIVATE), associated_data="a")

    assert vault.open_sealed(cipher, BINDING, SealedContent(old.key_id, None, old.body)) == PRIVATE


def test_each_entry_has_a_key_of_its_own_that_a_new_vault_key_wraps_anew() -> None:
    sealed = vault.seal(keys.build_cipher(keys.KEY), BINDING, PRIVATE)
    rotated = keys.build_cipher(keys.OTHER_KEY, keys.KEY)

    again = rotated.rewrap(sealed, associated_data=BINDING.associated_data)

    assert again.body == sealed.body
    assert again.key_id == rotated.newest_key_id != sealed.key_id
    assert vault.open_sealed(keys.build_cipher(keys.OTHER_KEY), BINDING, again) == PRIVATE
    assert vault.seal(keys.build_cipher(), BINDING, PRIVATE).data_key != sealed.data_key


NEEDED = {"reason": "核实上报内容"}


async def send(intake: IntakeService, **body: object) -> str:
    """Send a ticket and return the path of its report."""
    async with intake.client("hotline") as client:
        response = await client.post("/v1/tickets", json=build_ticket(**body))
    assert response.status_code == 202, response.text
    return f"/v1/reports/{response.json()['report_id']}"


async def ask(intake: IntakeService, key: str, path: str, reason: str = NEEDED["reason"]) -> httpx.Response:
    """Ask with a key for personal data."""
    async with intake.client(key) as client:
        return await client.post(path, json={"reason": reason})


async def test_vault_access_is_logged_with_its_reason(intake: IntakeService) -> None:
    path = await send(intake, text="原话13812345678", reporter={"name": "王小明"}, category="找王小明")

    refused = [(await ask(intake, key, f"{path}/reporter")).status_code for key in ("hotline", "department", "officer")]
    blank = [
        await ask(intake, "operator", f"{path}/reporter", reason)
        for reason in ("", " ", "\u3000", "...", "aaaaaa", "查")
    ]
    response = await ask(intake, "operator", f"{path}/reporter", "群众来电核实 13812345678")
    nobodys = await ask(intake, "operator", f"/v1/reports/{uuid.uuid4()}/reporter")
    looks = await intake.fetch(
        "SELECT reader, reason, act FROM vault_reading WHERE report_id = $1::uuid", path.rpartition("/")[2]
    )

    assert (refused, nobodys.status_code) == ([403, 403, 403], 404)
    assert {each.status_code for each in blank} == {422}
    assert {each.json()["error"]["field"] for each in blank} == {"reason"}
    assert (response.json()["reporter"]["name"], response.json()["text"]) == ("王小明", "原话13812345678")
    assert response.json()["category"] == "找王小明", "what was masked in what travelled"
    assert response.headers["cache-control"] == "no-store"
    assert [tuple(row) for row in looks] == [("operator", "群众来电核实 ***********", "read")]
    assert "王小明" not in intake.log.read_text()


async def test_caller_sees_a_person_only_while_a_call_waits(intake: IntakeService) -> None:
    path = await send(intake, text="话", reporter={"name": "王小明"})
    report_id = path.rpartition("/")[2]
    seen = []
    for status, awaited in [
        ("handling", None), ("handling", []), ("closed", [str(uuid.uuid4())]), ("closed", [report_id]),
        ("closed", None), ("closed", []),
    ]:  # fmt: skip
        await intake.set_status(report_id, status, awaited)
        response = await ask(intake, "caller", f"{path}/reporter", "回访")
        seen.append(response.status_code if response.status_code == 200 else response.json()["error"]["code"])

    assert seen == ["no_call_waiting", "no_call_waiting", "no_call_waiting", 200, 200, "no_call_waiting"]


async def test_confidential_report_needs_a_second_role(intake: IntakeService) -> None:
    path = await send(intake, text="举报邻居", reporter={"name": "王小明"}, confidential=True)
    await intake.set_status(path.rpartition("/")[2], "closed", [path.rpartition("/")[2]])

    answers = {
        key: await ask(intake, key, f"{path}/reporter")
        for key in ("caller", "operator", "officer", "trusted-caller", "trusted-operator")
    }

    assert {key: each.status_code for key, each in answers.items()} == {
        "caller": 403, "operator": 403, "officer": 403, "trusted-caller": 200, "trusted-operator": 200
    }  # fmt: skip
    assert answers["operator"].json()["error"]["code"] == "confidential"
    assert answers["trusted-operator"].json()["secrecy"] is True


async def test_row_that_was_given_another_city_or_secrecy_does_not_open(intake: IntakeService) -> None:
    path = await send(intake, text="举报邻居", reporter={"name": "王小明"}, confidential=True)
    await intake.fetch("UPDATE vault SET confidential = false WHERE report_id = $1::uuid", path.rpartition("/")[2])

    response = await ask(intake, "operator", f"{path}/reporter")

    assert (response.status_code, response.json()["error"]["code"]) == (503, "vault_locked")


async def test_accesses_of_a_key_within_an_hour_are_limited(intake: IntakeService) -> None:
    path = await send(intake, text="话", reporter={"name": "王小明"})
    await intake.fetch(
        "INSERT INTO vault_reading (report_id, api_key, reader, reason)"
        " SELECT $1::uuid, key_id, 'eager', '核实' FROM api_key, generate_series(1, 59) WHERE name = 'eager'",
        path.rpartition("/")[2],
    )

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ask(intake, "eager", f"{path}/reporter")) for _ in range(4)]
    async with httpx.AsyncClient() as client:
        metrics = (await client.get(f"{intake.url}/metrics")).text

    statuses = sorted(task.result().status_code for task in tasks)
    assert statuses == [200, 429, 429, 429]
    assert "3600" in {task.result().headers.get("retry-after") for task in tasks}
    assert 'paidan_vault_requests_total{outcome="quota",service="intake"} 3.0' in metrics


async def test_erasure_destroys_key_and_words_and_a_retry_brings_none_back(intake: IntakeService) -> None:
    body = build_ticket(text="家里漏水", address="西街2号", category="别的事", reporter={"name": "王小明"})
    path = await send(intake, **body)
    report_id = path.rpartition("/")[2]

    refused = [(await ask(intake, key, f"{path}/erasure")).status_code for key in ("operator", "caller", "hotline")]
    first, again = [await ask(intake, "officer", f"{path}/erasure") for _ in range(2)]
    gone = await ask(intake, "operator", f"{path}/reporter")
    await send(intake, **body)
    [row] = await intake.fetch("SELECT * FROM vault WHERE report_id = $1::uuid", report_id)
    [looks] = await intake.fetch(
        "SELECT array_agg(act) AS acts FROM vault_reading WHERE report_id = $1::uuid", report_id
    )
    published = await intake.records_about("paidan.inbox", report_id)

    assert refused == [403, 403, 403]
    assert (first.status_code, again.json()) == (200, first.json())
    assert (gone.status_code, gone.json()["error"]["code"]) == (410, "erased")
    assert (row["sealed"], row["data_key"], row["key_id"]) == (None, None, None)
    assert looks["acts"] == ["erase", "erase"]
    assert [each["text"] for each in published] == ["家里漏水", ""]
    assert [each["place"].get("address") for each in published] == ["西街2号", None]
    assert len({each["digest"] for each in published}) == 1, "or dispatch would take the retry for another report"


async def test_export_holds_what_the_vault_holds_and_who_looked(intake: IntakeService) -> None:
    path = await send(intake, text="话", reporter={"name": "王小明", "phone": "13812345678"})
    await ask(intake, "operator", f"{path}/reporter")

    refused = await ask(intake, "operator", f"{path}/export")
    exported = await ask(intake, "officer", f"{path}/export")

    assert refused.status_code == 403
    assert exported.json()["reporter"] == {"name": "王小明", "phone": "13812345678", "address": None}
    assert [(each["reader"], each["act"]) for each in exported.json()["accesses"]] == [
        ("operator", "read"), ("officer", "export")
    ]  # fmt: skip
    assert exported.headers["cache-control"] == "no-store"


@asynccontextmanager
async def open_vault(dsn: str) -> AsyncIterator[Pool]:
    """Open a pool on an empty schema of intake."""
    async with open_connection(dsn) as conn:
        await migrations.migrate(conn, "intake", (migrations.CHASSIS_MIGRATIONS, "paidan_intake.migrations"))
    async with open_pool(SecretStr(dsn), schema="intake", size=2) as pool:
        yield pool


async def store(pool: Pool, entries: Iterable[tuple[Binding, SealedContent]]) -> None:
    """Insert entries into the vault."""
    await pool.executemany(
        "INSERT INTO vault (report_id, source, source_ref, city, area, digest, recorded_at, confidential, key_id,"
        " data_key, sealed) VALUES ($1::uuid, 's', $1, $2, 'tiny', $3, now(), $4, $5, $6, $7)",
        [
            (each.report_id, each.city, bytes(32), each.confidential, sealed.key_id, sealed.data_key, sealed.body)
            for each, sealed in entries
        ],
    )


async def test_entries_are_sealed_under_the_newest_key_and_former_ones_can_go(database: str) -> None:
    """After a rotation every entry opens with the new key alone, those of release 0.1 too, and none is lost."""
    old, new = keys.build_cipher(), keys.build_cipher(keys.OTHER_KEY)
    rotated = keys.build_cipher(keys.OTHER_KEY, keys.KEY)
    bindings = [Binding(str(uuid.uuid4()), "tiny", confidential=bool(number % 2)) for number in range(5)]
    async with open_vault(database) as pool:
        await store(pool, zip(bindings, _entries(bindings, old, Cipher(b"x" * 32)), strict=True))

        first, again = await reseal(pool, rotated, chunk=2), await reseal(pool, rotated, chunk=2)
        entries = [await vault_entries.find_entry(pool, each.report_id) for each in bindings[:4]]

    assert (first, again) == (Resealed(4, 1), Resealed(0, 1))
    for entry in entries:
        assert entry is not None
        assert entry.sealed is not None
        assert vault.open_sealed(new, entry.binding, entry.sealed) == PRIVATE


async def test_all_reports_of_a_person_are_exported_and_erased_by_command(database: str) -> None:
    """A person asks for what is known, or to be forgotten, with a telephone number and no report's id."""
    cipher = keys.build_cipher()
    phones = ["13812345678", "+86 138-1234-5678", "１３８１２３４５６７８", "13912345678", None]
    bindings = [Binding(str(uuid.uuid4()), "tiny", confidential=False) for _ in phones]
    contents = [VaultContent(Reporter(phone=phone), "话", None, secrecy=False) for phone in phones]
    sealed = [vault.seal(cipher, binding, content) for binding, content in zip(bindings, contents, strict=True)]
    chosen = ["--phone", "138 1234 5678", "--reason", "本人申请", "--by", "李"]
    async with open_vault(database) as pool:
        await store(pool, zip(bindings, sealed, strict=True))

        exported = (await run(pool, cipher, parse(["export", *chosen])))["reports"]
        erased = (await run(pool, cipher, parse(["erase", *chosen])))["reports"]
        left = [row["report_id"] for row in await pool.fetch("SELECT report_id FROM vault WHERE sealed IS NOT NULL")]
        looks = await pool.fetch("SELECT DISTINCT reader, reason, act FROM vault_reading ORDER BY act")
        unknown = await run(pool, cipher, parse(["erase", str(uuid.uuid4()), *chosen[2:]]))

    theirs = {each.report_id for each in bindings[:3]}
    assert {each["report_id"] for each in exported} == {each["report_id"] for each in erased} == theirs
    assert {each["content"]["reporter"]["phone"] for each in exported} == set(phones[:3])
    assert set(map(str, left)) == {each.report_id for each in bindings[3:]}
    assert [tuple(row) for row in looks] == [("李", "本人申请", "erase"), ("李", "本人申请", "export")]
    assert [each["found"] for each in unknown["reports"]] == [False]


def _entries(bindings: list[Binding], old: Cipher, lost: Cipher) -> Iterator[SealedContent]:
    """Yield three entries of today, one of release 0.1, and one under a key that nobody has."""
    for binding in bindings[:3]:
        yield vault.seal(old, binding, PRIVATE)
    plain = old.encrypt(TypeAdapter(VaultContent).dump_json(PRIVATE), associated_data=bindings[3].report_id)
    yield SealedContent(plain.key_id, None, plain.body)
    yield vault.seal(lost, bindings[4], PRIVATE)


async def test_retry_across_a_rotation_of_the_keys_is_the_same_report(private_intake: IntakeService) -> None:
    """A hotline sends a ticket again hours later; meanwhile the vault's key, and with it the digests', was changed."""
    body = build_ticket(text="电话13812345678", reporter={"name": "王小明"})
    await private_intake.start()
    path = await send(private_intake, **body)
    assert private_intake.stop() == 0

    private_intake.settings |= {"VAULT_KEY": keys.OTHER_KEY, "VAULT_OLD_KEYS": keys.KEY}
    await private_intake.start()
    repeated = await send(private_intake, **body, matter=None)
    async with private_intake.client("hotline") as client:
        other = await client.post("/v1/tickets", json=body | {"text": "别的"})
    published = await private_intake.records_about("paidan.inbox", path.rpartition("/")[2])

    assert (repeated, other.status_code) == (path, 409)
    assert len(published) == 2
    assert len({each["digest"] for each in published}) == 1, "or dispatch would refuse the retry"
    assert (await ask(private_intake, "operator", f"{path}/reporter")).json()["text"] == "电话13812345678"
