"""Tickets over HTTP, one by one: what is taken, what is sealed, and what the inbox is told."""

import asyncio
import json

from paidan_contracts import ids
from paidan_contracts.reports import ReportReceived
from tests.intake.intake_service import Rig
from tests.intake.ticket_payloads import ticket


async def test_ticket_is_on_the_inbox_before_it_is_answered(intake: Rig) -> None:
    body = ticket(
        matter="投诉", text="垃圾三天没人清理，电话13812345678", reporter={"name": "王小明", "phone": "13812345678"}
    )

    async with intake.client("hotline") as client:
        answered = await client.post("/v1/tickets", json=body)
    inbox = await intake.about("paidan.inbox", answered.json()["report_id"])

    assert answered.status_code == 202
    assert answered.json() == {
        "report_id": ids.report_id("hotline", body["source_ref"]),
        "source": "hotline",
        "source_ref": body["source_ref"],
        "city": "tiny",
        "area": "tiny.990101",
        "class_code": "E0110",
        "district": "990101",
        "street": "990101001",
        "community": "990101001001",
        "grid": answered.json()["grid"],
        "longitude": 117.005,
        "latitude": 36.005,
        "masked": {"mobile": 1},
        "recorded_at": answered.json()["recorded_at"],
    }
    [said] = inbox
    report = ReportReceived.model_validate({name: said[name] for name in said if name not in ("key", "headers")})
    assert (said["key"], said["headers"]["ce_type"]) == ("tiny.990101", "report.received.v1")
    assert (report.channel, report.matter, report.reporter) == ("hotline", "complaint", report.report_id)
    assert report.text == "垃圾三天没人清理，电话***********"
    assert "王小明" not in json.dumps(said, ensure_ascii=False)
    assert report.occurred_at == report.recorded_at


async def test_repeat_gets_the_same_answer_and_another_body_is_refused(intake: Rig) -> None:
    body = ticket(text="一")

    async with intake.client("hotline") as client:
        first = await client.post("/v1/tickets", json=body)
        again = await client.post("/v1/tickets", json={**body, "wants_callback": False})
        other = await client.post("/v1/tickets", json={**body, "text": "二"})

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert (other.status_code, other.json()["error"]["code"], other.json()["error"]["field"]) == (
        409,
        "id_reused",
        "source_ref",
    )
    digests = {each["digest"] for each in await intake.about("paidan.inbox", first.json()["report_id"])}
    assert len(digests) == 1


async def test_repeats_at_the_same_moment_are_one_report(intake: Rig) -> None:
    """They meet in one group commit, where the database cannot tell them apart."""
    body = ticket()

    async with intake.client("hotline") as client:
        answers = await asyncio.gather(*(client.post("/v1/tickets", json=body) for _ in range(8)))
        clash = await asyncio.gather(
            *(client.post("/v1/tickets", json=ticket(source_ref="same", text=str(n))) for n in range(4))
        )

    assert {each.status_code for each in answers} == {202}
    assert len({each.text for each in answers}) == 1
    assert sorted(each.status_code for each in clash) == [202, 409, 409, 409]


async def test_a_repeat_keeps_the_area_it_was_first_taken_in(intake: Rig) -> None:
    """The pack may draw a border anew between two tries: the same report must not stand in two lanes."""
    body = ticket()
    report_id = ids.report_id("hotline", body["source_ref"])

    async with intake.client("hotline") as client:
        await client.post("/v1/tickets", json=body)
        await intake.fetch("UPDATE vault SET area = 'tiny.990102' WHERE report_id = $1::uuid", report_id)
        again = await client.post("/v1/tickets", json=body)

    assert again.json()["area"] == "tiny.990102"
    assert (await intake.about("paidan.inbox", report_id))[-1]["key"] == "tiny.990102"


async def test_what_nobody_knows_is_taken_and_noted(intake: Rig) -> None:
    """A resident must not be sent away because an integrator's table is behind."""
    async with intake.client("hotline") as client:
        strange = await client.post("/v1/tickets", json=ticket(category="外星人", position={"x": 2.35, "y": 48.85}))
        placeless = await client.post("/v1/tickets", json=ticket(position=None, address="东街5号，找李四13812345678"))

    assert strange.status_code == placeless.status_code == 202
    assert set(strange.json()["notes"]) == {"unknown_category", "position_outside_city"}
    assert strange.json()["area"] == "tiny"
    assert "class_code" not in strange.json()
    [said] = await intake.about("paidan.inbox", placeless.json()["report_id"])
    assert placeless.json()["notes"] == ["no_position"]
    assert said["place"] == {"address": "东街5号，找李四***********"}


async def test_position_without_a_datum_is_read_in_its_sources_own(intake: Rig) -> None:
    """The hotline's maps are GCJ-02: read as WGS-84 the place would be 500 m off."""
    async with intake.client("hotline") as client:
        answered = await client.post("/v1/tickets", json=ticket(position={"x": 117.0108, "y": 36.0053}))
    [said] = await intake.about("paidan.inbox", answered.json()["report_id"])

    assert said["place"]["raw"] == {"x": 117.0108, "y": 36.0053, "crs": "gcj02"}
    assert 300 < (117.0108 - answered.json()["longitude"]) * 90_000 < 700


async def test_dry_run_tells_all_and_takes_nothing(intake: Rig) -> None:
    body = ticket(text="电话13812345678")
    report_id = ids.report_id("hotline", body["source_ref"])

    async with intake.client("hotline") as client:
        tried = await client.post("/v1/tickets?dry-run=true", json=body)
        unclear = await client.post("/v1/tickets?dry-run=maybe", json=body)
        await client.post("/v1/tickets", json=(first := ticket()))
        clash = await client.post("/v1/tickets?dry-run=true", json={**first, "text": "二"})

    assert (tried.status_code, tried.json()["report_id"]) == (200, report_id)
    assert (tried.json()["text"], tried.json()["masked"]) == ("电话***********", {"mobile": 1})
    assert (tried.json()["class_code"], tried.json()["dry_run"]) == ("E0110", True)
    assert unclear.json()["error"]["field"] == "dry-run"
    assert clash.status_code == 409
    assert await intake.about("paidan.inbox", report_id) == []
    assert await intake.fetch("SELECT FROM vault WHERE report_id = $1::uuid", report_id) == []


async def test_reporters_own_words_do_not_travel(intake: Rig) -> None:
    """Who complains must not be read in the complaint, which reaches those complained of."""
    body = ticket(
        text="我是王小明，住西街一号", address="西街一号门口", reporter={"name": "王小明", "address": "西街一号"}
    )

    async with intake.client("hotline") as client:
        answered = await client.post("/v1/tickets", json=body)
    [said] = await intake.about("paidan.inbox", answered.json()["report_id"])

    assert (said["text"], said["place"]["address"]) == ("我是***，住****", "****门口")
    assert answered.json()["masked"] == {"named": 3}


async def test_a_category_that_nobody_knows_travels_masked(intake: Rig) -> None:
    """Whoever may write any word there may write a telephone number; a word of the catalogue is nobody's."""
    body = ticket(category="王小明家 13812345678", reporter={"name": "王小明"})
    known = ticket(category="环境卫生/暴露垃圾", reporter={"name": "垃圾"})

    async with intake.client("hotline") as client:
        answered = await client.post("/v1/tickets", json=body)
        of_catalogue = await client.post("/v1/tickets", json=known)
    [said] = await intake.about("paidan.inbox", answered.json()["report_id"])
    [understood] = await intake.about("paidan.inbox", of_catalogue.json()["report_id"])

    assert (said["category"], answered.json()["masked"]) == ("***家 ***********", {"mobile": 1, "named": 1})
    assert (understood["category"], understood["class_code"]) == ("环境卫生/暴露垃圾", "E0110")


async def test_vault_keeps_the_words_sealed(intake: Rig) -> None:
    body = ticket(
        text="秘密的话", reporter={"name": "王小明", "phone": "13812345678", "address": "西街1号"}, secrecy=True
    )

    async with intake.client("hotline") as client:
        answered = await client.post("/v1/tickets", json=body)
    [row] = await intake.fetch("SELECT * FROM vault WHERE report_id = $1::uuid", answered.json()["report_id"])

    assert row["sealed"]
    assert row["key_id"]
    for secret in ("秘密的话", "王小明", "13812345678", "西街1号"):
        assert secret.encode() not in bytes(row["sealed"])
        assert secret not in intake.log.read_text()


async def test_report_shows_where_it_stands_to_its_own_source_only(intake: Rig) -> None:
    async with intake.client("hotline") as hotline, intake.client("photo") as photo, intake.client("operator") as staff:
        taken = (await hotline.post("/v1/tickets", json=ticket())).json()
        path = f"/v1/reports/{taken['report_id']}"
        own, others, operators = await hotline.get(path), await photo.get(path), await staff.get(path)
        nobodys = await hotline.get("/v1/reports/none")

    assert (own.status_code, own.json()["stands"]) == (200, "waiting")
    assert (others.status_code, operators.status_code, nobodys.status_code) == (404, 200, 404)
