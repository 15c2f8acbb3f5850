"""The status of a report, as outcomes and case events arrive: late, twice, out of order."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaProducer

from paidan_contracts import ids
from paidan_contracts.assignments import Assignment, Limit, RuleRef
from paidan_contracts.case_event import CaseEvent, Cause
from paidan_contracts.cases import CaseClosed, CaseFinished, CaseOpened, CaseReopened, CaseVoided
from paidan_contracts.outcomes import OutcomeDecided, Refusal, ReportReplied
from paidan_contracts.places import Place
from paidan_contracts.state import CaseState
from paidan_contracts.wire import WireModel
from tests.intake.intake_service import IntakeService
from tests.polling import poll

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
DUE = NOON + timedelta(hours=4)


async def publish_events(intake: IntakeService, *events: tuple[str, WireModel]) -> None:
    """Append events to a topic, as dispatch does."""
    producer = AIOKafkaProducer(bootstrap_servers=intake.kafka, acks="all")
    try:
        await producer.start()
        for topic, event in events:
            headers = [("ce_type", type(event).model_fields["type"].default.encode())]
            body = event.model_dump_json().encode()
            await producer.send_and_wait(intake.prefix + topic, body, partition=0, headers=headers)
    finally:
        await producer.stop()


async def accepted_report(intake: IntakeService) -> str:
    """Send a report that is accepted, and return its id."""
    async with intake.client("hotline") as client:
        response = await client.post("/v1/tickets", json={"source_ref": uuid.uuid4().hex, "category": "x"})
    found: str = response.json()["report_id"]
    return found


async def await_status(intake: IntakeService, report_id: str, **expected: object) -> dict[str, Any]:
    """Poll the report's status until it has these values, and return it."""

    async def look() -> dict[str, Any]:
        async with intake.client("hotline") as client:
            found: dict[str, Any] = (await client.get(f"/v1/reports/{report_id}")).json()
        return found if expected.items() <= found.items() else {}

    return await poll(look, within_s=30, what=f"the status is {expected}")


def case_of(
    report_id: str,
    *,
    version: int,
    status: Any,  # noqa: ANN401
    answer: str | None = None,
    complained_of: str | None = None,
) -> CaseState:
    """Return the state of a case."""
    rule = RuleRef(rule="r1", city_version="0" * 64)
    case_id = ids.case_id("tiny", report_id)
    assignment = Assignment(
        number=1,
        order_id=ids.order_id(case_id, 1),
        department="sanitation",
        placed_by=rule,
        dispatched_at=NOON,
        limits=(Limit(number=1, began_at=NOON, due_at=DUE),),
    )
    return CaseState(
        case_id=case_id,
        version=version,
        city="tiny",
        area="tiny",
        city_version="0" * 64,
        status=status,
        opened_by=report_id,
        source="hotline",
        channel="hotline",
        place=Place(),
        reports=1,
        occurred_at=NOON,
        reported_at=NOON,
        assignments=(assignment,),
        answer=answer,
        complained_of=complained_of,
    )


def case_event(
    kind: type[CaseEvent],
    opened_by: str,
    version: int,
    status: str,
    *,
    answer: str | None = None,
    complained_of: str | None = None,
    **fields: object,
) -> tuple[str, CaseEvent]:
    """Return a case event with its topic."""
    state = case_of(opened_by, version=version, status=status, answer=answer, complained_of=complained_of)
    event = kind(
        case_id=state.case_id,
        version=version,
        cause=Cause(kind="report", id=opened_by),
        occurred_at=NOON,
        recorded_at=NOON + timedelta(minutes=version),
        state=state,
        **fields,
    )
    return "paidan.cases", event


async def test_source_sees_its_case_and_the_answer(intake: IntakeService) -> None:
    report_id = await accepted_report(intake)
    opened = case_event(CaseOpened, report_id, 1, "dispatched", report_id=report_id)
    finished = case_event(
        CaseFinished, report_id, 2, "inspecting", department="sanitation", late=False, text="清理完毕"
    )
    closed = case_event(CaseClosed, report_id, 3, "closed", answer="已清理，感谢您的反映")
    outcome = OutcomeDecided(
        id=report_id, about="report", result="opened", case_id=opened[1].case_id, case_version=1, decided_at=NOON
    )

    await publish_events(intake, opened, ("paidan.outcomes", outcome))
    open_now = await await_status(intake, report_id, status="dispatched")
    await publish_events(intake, finished)
    finished_now = await await_status(intake, report_id, status="inspecting")
    async with intake.client("hotline") as client:
        etag = (await client.get(f"/v1/reports/{report_id}")).headers["etag"]
        known, url = {"If-None-Match": etag}, f"/v1/reports/{report_id}?wait="
        unchanged = await client.get(f"{url}1", headers=known)
        waiting = asyncio.create_task(client.get(f"{url}15", headers=known))
        await asyncio.wait({waiting}, timeout=0.3)
        assert not waiting.done()
        await publish_events(intake, closed, opened, finished)
        told = await asyncio.wait_for(waiting, 10)
    closed_now = await await_status(intake, report_id, status="closed")

    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert (told.status_code, told.json()["status"]) == (200, "closed")
    assert (open_now["stands"], open_now["case_id"], open_now["version"]) == ("opened", opened[1].case_id, 1)
    assert datetime.fromisoformat(open_now["due_at"]) == DUE
    assert "answer" not in finished_now, "the department's account is nobody's answer before it was inspected"
    assert (closed_now["version"], closed_now["answer"]) == (3, "已清理，感谢您的反映")


async def test_answer_goes_when_the_case_is_reopened_and_every_reporter_gets_the_next(intake: IntakeService) -> None:
    """The one that opened the case and the one that was merged into it read the same."""
    opener, joined = await accepted_report(intake), await accepted_report(intake)
    case_id = ids.case_id("tiny", opener)
    outcomes = [
        OutcomeDecided(id=opener, about="report", result="opened", case_id=case_id, decided_at=NOON),
        OutcomeDecided(id=joined, about="report", result="merged", case_id=case_id, decided_at=NOON),
    ]
    closed = case_event(CaseClosed, opener, 5, "closed", answer="已清理")
    reopened = case_event(CaseReopened, opener, 7, "handling", department="sanitation")
    voided = case_event(CaseVoided, opener, 8, "voided", answer="该上报已终止办理", reason="内部原因")

    await publish_events(intake, *(("paidan.outcomes", each) for each in outcomes), closed)
    before = [await await_status(intake, each, status="closed") for each in (opener, joined)]
    await publish_events(intake, reopened)
    reopened_now = await await_status(intake, joined, status="handling")
    await publish_events(intake, voided)
    after = [await await_status(intake, each, status="voided") for each in (opener, joined)]

    assert [(each["stands"], each["answer"]) for each in before] == [("opened", "已清理"), ("merged", "已清理")]
    assert "answer" not in reopened_now
    assert {each["answer"] for each in after} == {"该上报已终止办理"}
    assert "内部原因" not in str(after)


async def test_noted_report_names_its_rule_and_gets_the_latest_reply(intake: IntakeService) -> None:
    report_id = await accepted_report(intake)
    noted = OutcomeDecided(
        id=report_id, about="report", result="noted", rule="praise", city_version="0" * 64, decided_at=NOON
    )

    def reply(text: str, minutes: int) -> tuple[str, ReportReplied]:
        at = NOON + timedelta(minutes=minutes)
        return "paidan.outcomes", ReportReplied(
            report_id=report_id, action_id=str(uuid.uuid4()), text=text, adopted=minutes == 6, replied_at=at
        )

    await publish_events(intake, ("paidan.outcomes", noted))
    found = await await_status(intake, report_id, stands="noted")
    await publish_events(intake, reply("已转达", 5), reply("已转达，谢谢", 6), reply("已转达", 5))
    answered = await await_status(intake, report_id, answer="已转达，谢谢")

    assert (found["reason"], found.get("answer"), found.get("case_id")) == ("praise", None, None)
    assert ("adopted" in found, answered["adopted"]) == (False, True), "as the latest reply says"
    assert datetime.fromisoformat(answered["changed_at"]) == NOON + timedelta(minutes=6)


async def test_a_skipped_version_and_an_old_one_change_nothing(intake: IntakeService) -> None:
    report_id = await accepted_report(intake)
    outcome = OutcomeDecided(
        id=report_id, about="report", result="merged", case_id=ids.case_id("tiny", report_id), decided_at=NOON
    )

    await publish_events(intake, ("paidan.outcomes", outcome), case_event(CaseClosed, report_id, 7, "closed"))
    await await_status(intake, report_id, status="closed")
    other = await accepted_report(intake)
    late = case_event(CaseOpened, report_id, 1, "dispatched", report_id=report_id)
    mark = case_event(CaseOpened, other, 1, "dispatched", report_id=other)
    decided = OutcomeDecided(id=other, about="report", result="opened", case_id=mark[1].case_id, decided_at=NOON)
    await publish_events(intake, ("paidan.outcomes", decided), late, mark)
    await await_status(intake, other, status="dispatched")

    assert (await await_status(intake, report_id, stands="merged"))["version"] == 7


async def test_final_outcome_is_kept_unless_dead_lettered(intake: IntakeService) -> None:
    report_id = await accepted_report(intake)
    why = Refusal(code="unknown_class", field="class_code", message="no such class", message_zh="没有此类别")
    dead = OutcomeDecided(id=report_id, about="report", result="dead_lettered", decided_at=NOON)
    refused = OutcomeDecided(id=report_id, about="report", result="refused", why=why, decided_at=NOON)
    opened = OutcomeDecided(id=report_id, about="report", result="opened", decided_at=NOON)

    await publish_events(intake, ("paidan.outcomes", dead))
    await await_status(intake, report_id, stands="dead_lettered")
    await publish_events(intake, *(("paidan.outcomes", each) for each in (dead, refused, opened)))
    found = await await_status(intake, report_id, stands="refused")
    mark = await accepted_report(intake)
    marked = OutcomeDecided(id=mark, about="report", result="opened", decided_at=NOON)
    await publish_events(intake, ("paidan.outcomes", opened), ("paidan.outcomes", marked))
    await await_status(intake, mark, stands="opened")

    assert (found["reason"], found["message_zh"]) == ("unknown_class", "没有此类别")
    assert await await_status(intake, report_id) == found
