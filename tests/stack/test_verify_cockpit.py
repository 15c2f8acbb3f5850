"""`paidan verify` compares the cockpit's read model with the logs that it reads, where there is a cockpit."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from aiokafka.structs import ConsumerRecord

from paidan_cockpit.first_outcomes import first_outcomes, quarter_of
from paidan_cockpit.report_outcomes import SuppressedAlarm
from paidan_deploy.conservation.cases_log import CasesLog, ShownCase
from paidan_deploy.conservation.checks import evaluate
from paidan_deploy.conservation.cockpit_checks import CockpitEvidence
from paidan_deploy.conservation.cockpit_logs import (
    LoggedNotedReport,
    LoggedScore,
    ShownOutcomes,
    ShownScores,
    TallyKey,
    TallyRow,
)
from paidan_deploy.conservation.cockpit_tables import CockpitTables
from tests.stack.test_verify import CUT, STEP, evidence, record


@pytest.mark.parametrize(
    ("tables", "problems"),
    [
        (None, {}),
        (CockpitTables({"tiny-1": ShownCase(2, "filed", 2)}, 2), {}),
        (
            CockpitTables({"tiny-1": ShownCase(1, "filed", 1), "tiny-2": ShownCase(1, "filed", 1)}, 3),
            {
                "cockpit_versions_match": (
                    "tiny-1: v2 filed 2 in the log, v1 filed 1 in the table / 日志 v2 filed 2，表 v1 filed 1",
                    "tiny-2: - in the log, v1 filed 1 in the table / 日志 -，表 v1 filed 1",
                ),
                "cockpit_reports_match": ("2 in the log, 3 counted / 日志中有 2，已计 3",),
            },
        ),
        (
            CockpitTables({"tiny-1": ShownCase(2, "filed", 2)}, 2, frozenset({"tiny-1"})),
            {"cockpit_words_match": ("tiny-1",)},
        ),
        (
            CockpitTables({"tiny-1": ShownCase(2, "filed", 2)}, 2, active_differing=frozenset({"tiny-1"})),
            {"cockpit_active_match": ("tiny-1",)},
        ),
    ],
)
def test_what_the_cockpit_shows_is_what_it_has_read_of_the_log(
    tables: CockpitTables | None, problems: dict[str, tuple[str, ...]]
) -> None:
    """What it has not read yet is left out, and an installation without a cockpit is not asked for one."""
    log = CasesLog(CUT, {}, shown_to={0: 3} if tables else {})
    for offset, version in enumerate((1, 2, 1, 3)):
        state = {"status": "filed", "reports": version, "opened_by": "report-1"}
        joined = {"report": {"report_id": f"report-{version}"}} if version > 1 else {}
        log.add(record(offset, json.dumps(STEP | {"version": version, "state": state} | joined).encode()))

    cockpit = CockpitEvidence(tables) if tables else None
    report = evaluate(evidence(cases_log=log, cockpit=cockpit))

    claims = [each for each in report.claims if each.code.startswith("cockpit")]
    assert {each.code: each.examples for each in claims if not each.holds} == problems
    assert len(claims) == (7 if tables else 0)


AT: Final = datetime(2026, 3, 2, 4, 7, tzinfo=UTC)
QUARTER: Final = datetime(2026, 3, 2, 4, tzinfo=UTC)
TALLY: Final = TallyKey(QUARTER, "tiny", "camera", "alarm_refired")
REPORT: Final = LoggedNotedReport("tiny", "camera", AT)


def outcome(number: int, result: str, at: datetime = AT, source: str = "camera") -> tuple[str, dict[str, Any]]:
    """Return key and body of an outcome."""
    id_ = id_of(number)
    why = {"code": "alarm_refired", "message": "m", "message_zh": "m"}
    body = {"id": id_, "about": "report", "result": result, "why": why, "area": "tiny.990101"}
    return id_, body | {"source": source, "recorded_at": at.isoformat()}


def id_of(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def keyed(offset: int, key: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - of any types
    return ConsumerRecord("t", 0, offset, 0, 0, key.encode(), json.dumps(body).encode(), None, 0, 0, ())


def read_outcomes(*outcomes: tuple[str, dict[str, Any]], is_complete: bool = True) -> ShownOutcomes:
    """Return what the cockpit has read of these and of one more that it has not read."""
    log = ShownOutcomes({0: len(outcomes)}, is_complete)
    for offset, each in enumerate([*outcomes, outcome(99, "suppressed")]):
        log.add(keyed(offset, *each))
    return log


def failing(cockpit: CockpitEvidence) -> dict[str, tuple[str, ...]]:
    """Return the checks that fail, and their examples."""
    claims = evaluate(evidence(cockpit=cockpit)).claims
    return {each.code: each.examples for each in claims if not each.holds}


@pytest.mark.parametrize(
    ("noted", "tallies", "problems"),
    [
        ({id_of(1): REPORT}, {TALLY: TallyRow(2, AT)}, set()),
        ({}, {TALLY: TallyRow(2, AT)}, {"cockpit_noted_match"}),
        ({id_of(1): REPORT._replace(city="other")}, {TALLY: TallyRow(2, AT)}, {"cockpit_noted_match"}),
        ({id_of(1): REPORT, id_of(9): REPORT}, {TALLY: TallyRow(2, AT)}, {"cockpit_noted_match"}),
        ({id_of(1): REPORT}, {TALLY: TallyRow(3, AT)}, {"cockpit_alarms_match"}),
        ({id_of(1): REPORT}, {TALLY: TallyRow(2, QUARTER)}, {"cockpit_alarms_match"}),
        ({id_of(1): REPORT}, {}, {"cockpit_alarms_match"}),
        (
            {id_of(1): REPORT},
            {TALLY: TallyRow(2, AT), TALLY._replace(city="b"): TallyRow(1, AT)},
            {"cockpit_alarms_match"},
        ),
    ],
)
def test_what_opens_no_case_is_counted_as_the_log_has_it(
    noted: dict[str, LoggedNotedReport], tallies: dict[TallyKey, TallyRow], problems: set[str]
) -> None:
    """Of two outcomes under one id the first counts; repeats, opened cases and unreadable ones add nothing."""
    log = read_outcomes(
        outcome(1, "noted"),
        outcome(1, "noted", AT + timedelta(hours=1)),
        outcome(2, "suppressed", QUARTER),
        outcome(3, "suppressed"),
        outcome(3, "suppressed", source="sensor"),
        outcome(4, "opened"),
        ("another key", outcome(5, "suppressed")[1]),
        (id_of(6), {"id": id_of(6), "result": "suppressed"}),
    )

    assert failing(CockpitEvidence(CockpitTables(noted=noted, tallies=tallies), log)).keys() == problems


def test_of_what_a_log_has_forgotten_tables_may_hold_more_and_no_less() -> None:
    log = read_outcomes(outcome(1, "noted"), outcome(2, "suppressed"), is_complete=False)
    more = CockpitTables(noted={id_of(1): REPORT, id_of(9): REPORT}, tallies={TALLY: TallyRow(5, AT)})

    assert failing(CockpitEvidence(more, log)) == {}
    assert failing(CockpitEvidence(CockpitTables(), log)).keys() == {"cockpit_noted_match", "cockpit_alarms_match"}


def test_what_is_too_old_is_forgotten_as_the_cockpit_forgets_it() -> None:
    """Two ways to the same counts: the cockpit's own decision, and the check's."""
    rng = random.Random(3)  # noqa: S311 - a test has to be repeatable, not secret
    drawn = [(rng.randrange(6), AT + timedelta(minutes=rng.randrange(86_400))) for _ in range(300)]
    added: dict[str, SuppressedAlarm] = {}
    for number, at in drawn:
        newest = max((quarter_of(each.recorded_at) for each in added.values()), default=None)
        known = {each.alarm_id: each.recorded_at for each in added.values()}
        alarm = SuppressedAlarm(id_of(number), "tiny", "camera", "alarm_refired", at)
        found = first_outcomes([(alarm.alarm_id, alarm)], known, newest)
        added = {id_: each for id_, each in {**added, **found.added}.items() if each.recorded_at >= found.oldest}

    log = read_outcomes(*(outcome(number, "suppressed", at) for number, at in drawn))

    times = sorted(quarter_of(each.recorded_at) for each in added.values())
    assert sorted(tally.quarter for tally, row in log.tallies.items() for _ in range(row.alarms)) == times


@pytest.mark.parametrize(
    ("stored", "holds"),
    [
        ((2, 3), True),
        ((2, 4), False),
        ((1, 3), False),
        (None, False),
        ((3, 9), True),  # the log dropped what the cockpit had read for the sixth version
        ((6, 3), False),
    ],
)
def test_rates_of_cities_are_the_newest_that_were_read(stored: tuple[int, int] | None, *, holds: bool) -> None:
    log = ShownScores({0: 4})
    body = {"score_id": id_of(1), "city": "tiny", "period": "2026-03", "indicator": "closing", "denominator": 8}
    for offset, (version, by) in enumerate([(1, "city"), (2, "city"), (1, "city"), (9, "class"), (6, "city")]):
        log.add(keyed(offset, id_of(1), body | {"version": version, "by": by, "numerator": version + 1}))
    score = LoggedScore(0, "tiny", "2026-03", "closing", 0, 8)
    scores = {id_of(1): score._replace(version=stored[0], numerator=stored[1])} if stored else {}

    assert ("cockpit_scores_match" not in failing(CockpitEvidence(CockpitTables(scores=scores), scores=log))) == holds
