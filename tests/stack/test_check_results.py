"""What `paidan verify` appends to ``paidan.checks``: codes and numbers, after every check that could be completed."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import pytest
from jsonschema import Draft202012Validator

from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_contracts.checks import ConservationChecked
from paidan_contracts.schema_export.schemas import model_schema
from paidan_contracts.topics import find_topic
from paidan_deploy.cli.verify import announce
from paidan_deploy.conservation.checks import evaluate
from paidan_deploy.conservation.publication import to_event
from paidan_deploy.conservation.report import Check, ConservationReport, Notice
from paidan_deploy.servers.ports import choose_port
from tests.servers import ServerAddresses
from tests.stack.check_results import read_results
from tests.stack.test_verify import evidence

CHECKED_AT: Final = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
REPORT: Final = ConservationReport(
    received=3,
    ends={"opened": 2, "merged": 1},
    claims=(
        Check("photos_exist", "every photo exists", holds=False, counted=4, against=1, examples=("a-photo.jpg",)),
        Check("reports_decided", "every report has an outcome", holds=True, counted=3),
    ),
    remarks=(
        Notice("photos_never_uploaded", "never uploaded", 4, 2, ("b-photo.jpg",)),
        Notice("histories_incomparable", "cannot be compared", 2, 0),
    ),
    dead_letters={"paidan.inbox": 0, "paidan.alarms": 7},
    holds_to={"paidan.inbox": {1: 20, 0: 10}},
)


def test_an_event_has_codes_and_numbers_and_no_examples() -> None:
    """They are ids of reports and names of photos, of which the topic of a check need not know."""
    event = to_event(REPORT, checked_at=CHECKED_AT, took_ms=1200)

    assert event.model_dump(exclude={"check_id"}) == {
        "type": "conservation.checked.v1",
        "checked_at": CHECKED_AT,
        "took_ms": 1200,
        "holds": False,
        "received": 3,
        "outcomes": {"opened": 2, "merged": 1},
        "dead_letters": {"paidan.alarms": 7},
        "checks": (
            {"code": "photos_exist", "holds": False, "counted": 4, "against": 1},
            {"code": "reports_decided", "holds": True, "counted": 3, "against": 0},
        ),
        "notices": ({"code": "photos_never_uploaded", "counted": 4, "found": 2},),
        "compared_to": (
            {"topic": "paidan.inbox", "partition": 0, "offset": 10},
            {"topic": "paidan.inbox", "partition": 1, "offset": 20},
        ),
    }


def test_every_check_has_a_code_of_its_own() -> None:
    report = evaluate(evidence(contradicted_anchors=()))
    codes = [each.code for each in report.claims] + [each.code for each in report.remarks]

    assert len(set(codes)) == len(codes) == len(report.claims) + 2
    to_event(report, checked_at=CHECKED_AT, took_ms=0)


async def test_a_result_is_appended_for_whoever_reads_the_topic(servers: ServerAddresses, topic_prefix: str) -> None:
    cluster = KafkaCluster(servers.kafka, topic_prefix, topic_spec=find_topic)
    events = [to_event(each, checked_at=CHECKED_AT, took_ms=5) for each in (REPORT, replace(REPORT, claims=()))]

    for event in events:
        await announce(cluster, event)

    records = await read_results(cluster)
    assert [ConservationChecked.model_validate_json(each.value) for each in records] == events
    assert {each.key for each in records} == {b"conservation"}
    assert dict(records[0].headers)["ce_type"] == b"conservation.checked.v1"
    assert dict(records[0].headers)["ce_source"] == b"urn:paidan:verify"
    assert (
        list(Draft202012Validator(model_schema(ConservationChecked)).iter_errors(events[0].model_dump(mode="json")))
        == []
    )


async def test_a_result_that_cannot_be_appended_is_told_and_stands(capsys: pytest.CaptureFixture[str]) -> None:
    nobody = KafkaCluster(f"127.0.0.1:{choose_port([None])}", topic_spec=find_topic)

    await announce(nobody, to_event(REPORT, checked_at=CHECKED_AT, took_ms=5))

    assert "could not be appended to paidan.checks" in (told := capsys.readouterr().err)
    assert "结果未能写入 paidan.checks" in told
