"""What a person may ask of the vault: to be forgotten, and to be told what is kept of them and who looked."""

import uuid

import pytest

from paidan_contracts import ids
from paidan_contracts.cases import CaseOpened
from paidan_contracts.outcomes import OutcomeDecided
from paidan_contracts.scopes import grants_of
from paidan_intake import vault
from paidan_intake.api.access import refuse_own_complaint
from paidan_intake.normalization import VaultContent
from paidan_intake.tickets import Reporter
from paidan_intake.vault import Binding
from paidan_intake.vault_command import parse, run
from paidan_intake.vault_entries import VaultEntry
from tests import vault as keys
from tests.dispatch.units import policy_with_units
from tests.intake.intake_service import IntakeService
from tests.intake.sample_vault import ask, open_vault, send, store
from tests.intake.test_report_status import NOON, await_status, case_event, publish_events
from tests.intake.ticket_payloads import build_ticket


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


async def test_unit_complained_of_does_not_see_who_complains(intake: IntakeService) -> None:
    path = await send(intake, text="话", reporter={"name": "王小明"})
    report_id = path.rpartition("/")[2]
    case_id = ids.case_id("tiny", report_id)
    outcome = OutcomeDecided(id=report_id, about="report", result="opened", case_id=case_id, decided_at=NOON)
    before = await ask(intake, "member", f"{path}/reporter", "群众来电核实")
    await publish_events(
        intake,
        ("paidan.outcomes", outcome),
        case_event(CaseOpened, report_id, 1, "dispatched", complained_of="streets", report_id=report_id),
    )
    await await_status(intake, report_id, status="dispatched")

    refused = [
        await ask(intake, "member", f"{path}/{act}", "群众来电核实") for act in ("reporter", "export", "erasure")
    ]
    other = await ask(intake, "operator", f"{path}/reporter", "群众来电核实")

    assert (before.status_code, other.status_code) == (200, 200)
    assert {(each.status_code, each.json()["error"]["code"]) for each in refused} == {(403, "own_complaint")}


@pytest.mark.parametrize(
    ("scope", "code"),
    [
        ("member:north", "own_complaint"),
        ("member:north-squad", "own_complaint"),
        ("department:north-squad", "own_complaint"),
        ("member:south", None),
        ("role:caller", None),
    ],
)
def test_units_above_and_below_the_one_complained_of_do_not_see_who_complains(scope: str, code: str | None) -> None:
    for complained_of in ("north", "north-squad"):
        entry = VaultEntry(
            Binding(str(uuid.uuid4()), "tiny", confidential=False), None, None, True, None, complained_of
        )
        grants = grants_of(frozenset({"role:operator", scope}))

        refusal = refuse_own_complaint(grants, entry, policy_with_units().city)

        assert (refusal and refusal.code) == code
    assert refuse_own_complaint(grants, entry._replace(complained_of=None), None) is None


@pytest.mark.parametrize(
    ("places", "status", "code"),
    [
        (None, 403, "bounded_post"),
        ([], 404, "not_found"),
        (["990102", "990102001"], 404, "not_found"),
        (["990101", "990101001"], 200, None),
    ],
)
async def test_post_of_one_place_sees_the_persons_and_reports_of_its_cases_alone(
    intake: IntakeService, places: list[str] | None, status: int, code: str | None
) -> None:
    path = await send(intake, text="话", reporter={"name": "王小明"})
    report_id = path.rpartition("/")[2]
    await intake.set_status(report_id, "handling", [])
    await intake.fetch("UPDATE standing SET places = $2 WHERE case_id = $1", ids.case_id("tiny", report_id), places)

    look = await ask(intake, "bounded", f"{path}/reporter", "群众来电核实")
    export = await ask(intake, "bounded", f"{path}/export", "群众来电核实")
    async with intake.client("bounded") as client:
        report = await client.get(path)

    for answer in (look, report):
        assert (answer.status_code, answer.json().get("error", {}).get("code")) == (status, code)
    assert ("王小明" in look.text) == (status == 200)
    assert export.status_code == 403
