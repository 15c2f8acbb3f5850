"""Who may see a photo: its uploader, who has an order in its case, staff; and proof is announced in its lane."""

import uuid

import httpx
import pytest

from paidan_contracts import ids
from paidan_contracts.assignments import Helper, RuleRef
from paidan_contracts.cases import CaseFinished, CaseOpened, CaseReturned
from paidan_contracts.reports import JoinedReport
from tests.intake.intake_service import IntakeService
from tests.intake.sample_photos import make_jpeg
from tests.intake.test_report_status import NOON, case_event, publish_events
from tests.polling import poll

RULE = RuleRef(rule="r1", city_version="0" * 64)


async def upload(intake: IntakeService, who: str, colour: str, **params: str) -> httpx.Response:
    """Send a photo."""
    async with intake.client(who) as client:
        return await client.post("/v1/photos", content=make_jpeg(colour=colour), params=params)


async def sees(intake: IntakeService, who: str, ref: str) -> int:
    """Return the status of the answer to a key that asks for a photo."""
    async with intake.client(who) as client:
        return (await client.get(f"/v1/photos/{ref}")).status_code


async def await_access(intake: IntakeService, who: str, ref: str, status: int) -> None:
    async def look() -> bool:
        return await sees(intake, who, ref) == status

    await poll(look, what=f"{who} gets {status}")


async def test_a_photos_name_opens_it_only_for_who_has_to_do_with_it(intake: IntakeService) -> None:
    """Names stand on paidan.cases, which every reader of Kafka sees for ever."""
    ref = (await upload(intake, "photo", "maroon")).json()["ref"]

    seen = {who: await sees(intake, who, ref) for who in ("photo", "hotline", "camera", "department", "streets")}
    staff = {who: await sees(intake, who, ref) for who in ("inspector", "operator", "caller")}
    async with intake.client("department") as client:
        link = await client.post(f"/v1/photos/{ref}/links")

    assert seen == {"photo": 200, "hotline": 404, "camera": 404, "department": 404, "streets": 404}
    assert set(staff.values()) == {200}
    assert link.status_code == 404


async def test_a_department_sees_the_photos_of_a_case_while_it_has_an_order_in_it(intake: IntakeService) -> None:
    """Of the report that opened it, of those that joined, and the proof of others that work on it."""
    opened, joined, proof = [(await upload(intake, "photo", each)).json()["ref"] for each in ("navy", "tan", "plum")]
    report_id = str(uuid.uuid4())
    topic, event = case_event(CaseOpened, report_id, 1, "dispatched", report_id=report_id)
    report = JoinedReport(
        report_id=str(uuid.uuid4()), source="photo", channel="photo", photos=(joined,), recorded_at=NOON
    )
    helper = Helper(
        department="streets",
        order_id=ids.order_id(event.case_id, 9),
        placed_by=RULE,
        dispatched_at=NOON,
        proof=(proof,),
    )
    state = event.state.model_copy(update={"photos": (opened,), "joined": (report,), "helpers": (helper,)})

    await publish_events(intake, (topic, event.model_copy(update={"state": state})))

    for ref in (opened, joined, proof):
        for who in ("department", "streets"):
            await await_access(intake, who, ref, 200)
        assert await sees(intake, "hotline", ref) == 404

    [assignment] = state.assignments
    returned = state.model_copy(
        update={
            "version": 2,
            "assignments": (assignment.model_copy(update={"returned_at": NOON}),),
            "helpers": (helper.model_copy(update={"withdrawn_at": NOON}),),
        }
    )
    _, event = case_event(
        CaseReturned, report_id, 2, "filed", department="sanitation", code="not_ours", reason="not ours"
    )
    await publish_events(intake, (topic, event.model_copy(update={"state": returned})))

    for who in ("department", "streets"):
        await await_access(intake, who, opened, 404)


async def test_proof_is_announced_in_the_lane_of_its_case(intake: IntakeService) -> None:
    """A finish is judged by it there."""
    case_id = ids.case_id("tiny.990101", str(uuid.uuid4()))

    stored = await upload(intake, "department", "coral", case_id=case_id)
    again = await upload(intake, "department", "coral", case_id=case_id)
    checked = await upload(intake, "department", "khaki", case_id=case_id, **{"dry-run": "true"})
    announced = [each for each in await intake.read_topic("paidan.inbox") if each.get("case_id") == case_id]

    assert (stored.status_code, again.status_code, checked.status_code) == (201, 201, 200)
    assert {each["ref"] for each in announced} == {stored.json()["ref"]}
    assert len({each["headers"]["ce_id"] for each in announced}) == 1, "a repeat has the same id"
    assert {each["key"] for each in announced} == {"tiny.990101"}
    assert announced[0]["type"] == "photo.stored.v1"
    assert announced[0]["holder"] == {"kind": "department", "id": "sanitation"}


@pytest.mark.parametrize("case_id", ["elsewhere-" + "0" * 32, "tiny.1-" + "0" * 32, "tiny", "tiny-x", ""])
async def test_proof_in_no_case_of_the_city_is_refused(intake: IntakeService, case_id: str) -> None:
    response = await upload(intake, "department", "beige", case_id=case_id)

    assert response.status_code == 422
    assert "case_id" in response.json()["error"]["field"]


async def test_a_report_may_not_name_another_senders_photo(intake: IntakeService) -> None:
    """The department of the case that it opens would see it."""
    ref = (await upload(intake, "photo", "orchid")).json()["ref"]
    ticket = {"source_ref": uuid.uuid4().hex, "text": "x", "photos": [ref]}

    async with intake.client("hotline") as client:
        stolen = await client.post("/v1/tickets", json=ticket)
    async with intake.client("photo") as client:
        own = await client.post("/v1/tickets", json=ticket)

    assert (stolen.status_code, stolen.json()["error"]["code"]) == (422, "unknown_photo")
    assert own.status_code == 202


async def test_case_events_without_photos_store_none(intake: IntakeService) -> None:
    report_id = str(uuid.uuid4())
    opened = case_event(CaseOpened, report_id, 1, "dispatched", report_id=report_id)
    finished = case_event(CaseFinished, report_id, 2, "inspecting", department="sanitation", late=False)

    await publish_events(intake, opened, finished)

    async def rows() -> bool:
        statement = "SELECT departments FROM standing WHERE case_id = $1 AND version = 2"
        found = await intake.fetch(statement, opened[1].case_id)
        return [row["departments"] for row in found] == [["sanitation"]]

    await poll(rows, what="the case's departments")
    assert await intake.fetch("SELECT FROM case_photo WHERE case_id = $1", opened[1].case_id) == []
