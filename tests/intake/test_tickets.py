"""Tickets over HTTP: what is accepted, what is encrypted, and what is published on the inbox."""

import asyncio
import json

from paidan_contracts import ids
from paidan_contracts.reports import ReportReceived
from tests.intake.intake_service import IntakeService
from tests.intake.ticket_payloads import build_ticket


async def test_ticket_is_on_the_inbox_before_it_is_answered(intake: IntakeService) -> None:
    body = build_ticket(
        matter="投诉", text="垃圾三天没人清理，电话13812345678", reporter={"name": "王小明", "phone": "13812345678"}
    )

    async with intake.client("hotline") as client:
        response = await client.post("/v1/tickets", json=body)
    inbox = await intake.records_about("paidan.inbox", response.json()["report_id"])

    assert response.status_code == 202
    assert response.json() == {
        "report_id": ids.report_id("hotline", body["source_ref"]),
        "source": "hotline",
        "source_ref": body["source_ref"],
        "city": "tiny",
        "area": "tiny.990101",
        "class_code": "E0110",
        "district": "990101",
        "street": "990101001",
        "community": "990101001001",
        "grid": response.json()["grid"],
        "longitude": 117.005,
        "latitude": 36.005,
        "masked": {"mobile": 1},
        "masked_in": {"text": {"mobile": 1}},
        "recorded_at": response.json()["recorded_at"],
    }
    [record] = inbox
    report = ReportReceived.model_validate({name: record[name] for name in record if name not in ("key", "headers")})
    assert (record["key"], record["headers"]["ce_type"]) == ("tiny.990101", "report.received.v1")
    assert (report.channel, report.matter, report.reporter) == ("hotline", "complaint", report.report_id)
    assert report.text == "垃圾三天没人清理，电话***********"
    assert "王小明" not in json.dumps(record, ensure_ascii=False)
    assert report.occurred_at == report.recorded_at


async def test_repeat_gets_the_same_answer_and_another_body_is_refused(intake: IntakeService) -> None:
    body = build_ticket(text="一")

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
    digests = {each["digest"] for each in await intake.records_about("paidan.inbox", first.json()["report_id"])}
    assert len(digests) == 1


async def test_concurrent_repeats_are_one_report(intake: IntakeService) -> None:
    """They are in one group commit, so the database does not detect the repeat."""
    body = build_ticket()

    async with intake.client("hotline") as client:
        answers = await asyncio.gather(*(client.post("/v1/tickets", json=body) for _ in range(8)))
        clash = await asyncio.gather(
            *(client.post("/v1/tickets", json=build_ticket(source_ref="same", text=str(n))) for n in range(4))
        )

    assert {each.status_code for each in answers} == {202}
    assert len({each.text for each in answers}) == 1
    assert sorted(each.status_code for each in clash) == [202, 409, 409, 409]


async def test_repeats_and_new_reports_share_a_commit(intake: IntakeService) -> None:
    known = build_ticket(text="一")

    async with intake.client("hotline") as client:
        first = await client.post("/v1/tickets", json=known)
        sent = [known, {**known, "text": "二"}, *(build_ticket(text=str(number)) for number in range(6)), known]
        answers = await asyncio.gather(*(client.post("/v1/tickets", json=each) for each in sent))

    assert [each.status_code for each in answers] == [202, 409, *[202] * 7]
    assert answers[0].json() == answers[-1].json() == first.json()
    for answer in answers[2:-1]:
        (record,) = await intake.records_about("paidan.inbox", answer.json()["report_id"])
        assert record["recorded_at"] == answer.json()["recorded_at"]


async def test_repeat_keeps_the_area_of_the_first_report(intake: IntakeService) -> None:
    """A new pack may move a border between two attempts: one report must not be in two lanes."""
    body = build_ticket()
    report_id = ids.report_id("hotline", body["source_ref"])

    async with intake.client("hotline") as client:
        await client.post("/v1/tickets", json=body)
        await intake.fetch("UPDATE vault SET area = 'tiny.990102' WHERE report_id = $1::uuid", report_id)
        again = await client.post("/v1/tickets", json=body)

    assert again.json()["area"] == "tiny.990102"
    assert (await intake.records_about("paidan.inbox", report_id))[-1]["key"] == "tiny.990102"


async def test_unknown_values_are_accepted_and_recorded(intake: IntakeService) -> None:
    """A resident's report must not be refused because an integrator's mapping is outdated."""
    async with intake.client("hotline") as client:
        strange = await client.post(
            "/v1/tickets", json=build_ticket(category="外星人", position={"x": 2.35, "y": 48.85})
        )
        placeless = await client.post(
            "/v1/tickets", json=build_ticket(position=None, address="东街5号，找李四13812345678")
        )

    assert strange.status_code == placeless.status_code == 202
    assert set(strange.json()["notes"]) == {"unknown_category", "position_outside_city"}
    assert strange.json()["area"] == "tiny"
    assert "class_code" not in strange.json()
    [record] = await intake.records_about("paidan.inbox", placeless.json()["report_id"])
    assert placeless.json()["notes"] == ["no_position"]
    assert record["place"] == {"address": "东街5号，找李四***********"}


async def test_position_without_a_datum_has_the_sources_datum(intake: IntakeService) -> None:
    """The hotline's maps are GCJ-02: read as WGS-84 the place would be 500 m off."""
    async with intake.client("hotline") as client:
        response = await client.post("/v1/tickets", json=build_ticket(position={"x": 117.0108, "y": 36.0053}))
    [record] = await intake.records_about("paidan.inbox", response.json()["report_id"])

    assert record["place"]["raw"] == {"x": 117.0108, "y": 36.0053, "crs": "gcj02"}
    assert 300 < (117.0108 - response.json()["longitude"]) * 90_000 < 700


async def test_dry_run_reports_everything_and_stores_nothing(intake: IntakeService) -> None:
    body = build_ticket(text="电话13812345678")
    report_id = ids.report_id("hotline", body["source_ref"])

    async with intake.client("hotline") as client:
        response = await client.post("/v1/tickets?dry-run=true", json=body)
        unclear = await client.post("/v1/tickets?dry-run=maybe", json=body)
        await client.post("/v1/tickets", json=(first := build_ticket()))
        clash = await client.post("/v1/tickets?dry-run=true", json={**first, "text": "二"})

    assert (response.status_code, response.json()["report_id"]) == (200, report_id)
    assert (response.json()["text"], response.json()["masked"]) == ("电话***********", {"mobile": 1})
    assert (response.json()["class_code"], response.json()["dry_run"]) == ("E0110", True)
    assert unclear.json()["error"]["field"] == "dry-run"
    assert clash.status_code == 409
    assert await intake.records_about("paidan.inbox", report_id) == []
    assert await intake.fetch("SELECT FROM vault WHERE report_id = $1::uuid", report_id) == []


async def test_reporter_details_do_not_leave_the_vault(intake: IntakeService) -> None:
    """The complaint is published, and must not identify its author to the department concerned."""
    body = build_ticket(
        text="我是王小明，住西街一号", address="西街一号门口", reporter={"name": "王小明", "address": "西街一号"}
    )

    async with intake.client("hotline") as client:
        response = await client.post("/v1/tickets", json=body)
    [record] = await intake.records_about("paidan.inbox", response.json()["report_id"])

    assert (record["text"], record["place"]["address"]) == ("我是***，住****", "西街一号门口")
    assert response.json()["masked"] == {"named": 2}
    assert response.json()["masked_in"] == {"text": {"named": 2}}


async def test_unknown_category_is_masked(intake: IntakeService) -> None:
    """Free text may contain a telephone number; a category of the pack cannot."""
    body = build_ticket(category="王小明家 13812345678", reporter={"name": "王小明"})
    known = build_ticket(category="环境卫生/暴露垃圾", reporter={"name": "垃圾"})

    async with intake.client("hotline") as client:
        response = await client.post("/v1/tickets", json=body)
        of_catalogue = await client.post("/v1/tickets", json=known)
    [record] = await intake.records_about("paidan.inbox", response.json()["report_id"])
    [understood] = await intake.records_about("paidan.inbox", of_catalogue.json()["report_id"])

    assert (record["category"], response.json()["masked"]) == ("***家 ***********", {"mobile": 1, "named": 1})
    assert (understood["category"], understood["class_code"]) == ("环境卫生/暴露垃圾", "E0110")


async def test_vault_stores_text_encrypted(intake: IntakeService) -> None:
    body = build_ticket(
        text="秘密的话", reporter={"name": "王小明", "phone": "13812345678", "address": "西街1号"}, secrecy=True
    )

    async with intake.client("hotline") as client:
        response = await client.post("/v1/tickets", json=body)
    [row] = await intake.fetch("SELECT * FROM vault WHERE report_id = $1::uuid", response.json()["report_id"])

    assert row["sealed"]
    assert row["key_id"]
    for secret in ("秘密的话", "王小明", "13812345678", "西街1号"):
        assert secret.encode() not in bytes(row["sealed"])
        assert secret not in intake.log.read_text()


async def test_report_status_is_visible_to_its_source_only(intake: IntakeService) -> None:
    async with intake.client("hotline") as hotline, intake.client("photo") as photo, intake.client("operator") as staff:
        accepted = (await hotline.post("/v1/tickets", json=build_ticket())).json()
        path = f"/v1/reports/{accepted['report_id']}"
        own, others, operators = await hotline.get(path), await photo.get(path), await staff.get(path)
        nobodys = await hotline.get("/v1/reports/none")

    assert (own.status_code, own.json()["stands"]) == (200, "waiting")
    assert (others.status_code, operators.status_code, nobodys.status_code) == (404, 200, 422)
