"""Reports that are noted: answered, and no case."""

from typing import Any

import asyncpg
import pytest

from paidan_contracts.actions import Reply
from paidan_contracts.city import City
from paidan_contracts.reports import ImportedHistory
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.reports import noted_by
from tests.contracts.city_packs import load_tiny
from tests.dispatch.applied_inbox import InboxRecords, apply_records
from tests.dispatch.database_fixture import clear_tables, dump_tables, pack_version
from tests.dispatch.inbox_entries import build_action, build_report, case_id_of, city_in_force

POLICY = CityPolicy.from_city(load_tiny())


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"matter": "praise"}, "praise"),
        ({"matter": "praise", "class_code": None}, "praise"),
        ({"matter": "consultation", "class_code": None}, "consultations"),
        ({"matter": "consultation"}, None),
        ({"matter": "complaint"}, None),
        ({"matter": None}, None),
        ({"category": "heartbeat", "source": "camera"}, "ignored-category"),
        ({"category": "heartbeat", "source": "camera", "matter": "complaint"}, "ignored-category"),
        ({"category": "heartbeat"}, None),
        ({"category": "市政设施/路灯不亮"}, None),
        ({"category": "no such category"}, None),
        ({"matter": "praise", "source": "records", "past": ImportedHistory()}, None),
    ],
)
def test_the_pack_says_what_is_noted(more: dict[str, Any], rule: str | None) -> None:
    decided_by = noted_by(build_report("1", **more), POLICY)

    assert (decided_by.rule if decided_by else None) == rule
    assert decided_by is None or decided_by.city_version == POLICY.version


async def test_noted_report_opens_no_case_and_is_answered_later(pool: "asyncpg.Pool[Any]") -> None:
    thanks = build_report("thanks", matter="praise", text="谢谢你们")
    case_id = case_id_of(thanks)
    by: dict[str, Any] = {"by": "operator:olga", "of_report": thanks.report_id}
    log = InboxRecords().append(
        city_in_force(),
        thanks,
        thanks,
        build_action(case_id, Reply(text="已转达"), **by),
        build_action(case_id, Reply(text="已转达，谢谢", adopted=True), minutes=1, **by),
        build_action(case_id, Reply(text="不行"), minutes=2, by="department:streets", of_report=thanks.report_id),
        build_action(case_id, Reply(text="没有"), minutes=3, by="operator:olga"),
    )

    for cut in (1000, 1):
        await clear_tables(pool)
        output = await apply_records(pool, log.records, batch_size=cut)

        assert output.types() == []
        assert output.outcomes() == [
            ("noted", None),
            ("applied", None),
            ("applied", None),
            ("refused", "not_your_role"),
            ("refused", "unknown_case"),
        ]
        noted, *_ = output.bodies_on("paidan.outcomes")
        assert (noted["rule"], noted["city_version"]) == ("praise", pack_version())
        assert (noted["source"], noted["channel"], noted["recorded_at"]) == ("hotline", "hotline", noted["decided_at"])
        replies = [each for each in output.bodies_on("paidan.outcomes") if each["type"] == "report.replied.v1"]
        assert [(each["report_id"], each["text"], each.get("adopted")) for each in replies] == [
            (thanks.report_id, "已转达", None),
            (thanks.report_id, "已转达，谢谢", True),
        ]
        (row,) = (await dump_tables(pool))["noted_report"]
        assert "谢谢你们" in row[8].decode()
        assert row[9] == "已转达，谢谢"
        assert row[-1] is True, "the suggestion is adopted"


async def test_reply_to_a_report_in_a_case_is_refused(pool: "asyncpg.Pool[Any]") -> None:
    """Its answer is the case's, once it is closed."""
    report = build_report("1")
    reply = build_action(case_id_of(report), Reply(text="好"), by="operator:olga", of_report=report.report_id)

    output = await apply_records(pool, InboxRecords().append(city_in_force(), report, reply).records)

    assert output.outcomes()[-1] == ("refused", "not_allowed_in_state")


def test_packs_without_noting_rules_note_ignored_categories_alone() -> None:
    pack = load_tiny().pack.model_copy(update={"noted": ()})
    policy = CityPolicy.from_city(City.of(pack))

    assert noted_by(build_report("1", matter="praise"), policy) is None
    assert noted_by(build_report("1", source="camera", category="heartbeat"), policy) is not None
