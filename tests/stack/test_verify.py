"""The summary line of `paidan verify`: the counts, as they are, and anchors."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_args

import pytest
from aiokafka.structs import ConsumerRecord

from paidan_contracts.inbox import InboxEvent
from paidan_contracts.wire import WireModel
from paidan_deploy.conservation.anchor import Anchor, Head, LogDigests
from paidan_deploy.conservation.cases_log import NO_STEPS, CasesLog
from paidan_deploy.conservation.chained_logs import ChainedLogs
from paidan_deploy.conservation.checks import evaluate
from paidan_deploy.conservation.cut import Cut, LaneAtCut
from paidan_deploy.conservation.evidence import Evidence, PhotoFindings
from paidan_deploy.conservation.log_contents import AlarmsLog, CountedRange, InboxLog, OutcomesLog
from paidan_deploy.conservation.report import Check, ConservationReport
from paidan_deploy.conservation.tables import TallyCounts
from paidan_deploy.errors import DeployError

SOUND = Check("one", "this", holds=True, counted=3)
BROKEN = Check("other", "that", holds=False, counted=3, against=1)


@pytest.mark.parametrize("claims", [(SOUND,), (SOUND, BROKEN)])
def test_counts_that_add_up_are_an_equation(claims: tuple[Check, ...]) -> None:
    """A failed check, such as a lost photo, is printed above; the line is about counts alone."""
    found = ConservationReport(received=3, ends={"opened": 2, "merged": 1}, claims=claims)

    assert found.line == "3 received = 2 opened + 1 merged"
    assert found.holds == (BROKEN not in claims)


def test_counts_that_do_not_add_up_are_an_inequality() -> None:
    """A log that lost its first records has fewer than the tables, and no check fails for that."""
    found = ConservationReport(received=3, ends={"opened": 2, "merged": 2}, claims=(SOUND,))

    assert found.line == "3 received ≠ 2 opened + 2 merged"


CUT: Final = Cut([LaneAtCut("dispatch", "dispatch", "paidan.inbox", 0, 10, 5)])


def evidence(**found: Any) -> Evidence:  # noqa: ANN401 - fields of the class
    """Build the evidence of an installation in which nothing happened but this."""
    fields: dict[str, Any] = {
        "inbox_log": InboxLog(applied_to={0: 10}),
        "cases_log": CasesLog(CUT),
        "alarms_log": AlarmsLog(),
        "outcomes_log": OutcomesLog(CUT),
        "complete": True,
        "cases_complete": True,
        "tallies": TallyCounts(0, 0, 0),
        "photos": PhotoFindings(),
        "chained_logs": ChainedLogs(),
    }
    empty: dict[str, Any] = {
        name: {} for name in ("outcomes_by_id", "noted_reports", "case_table", "history", "fact_versions")
    }
    empty |= dict.fromkeys(("inbox_dead_letters", "alarm_dead_letters", "counted_alarms", "missing_vault_entries"), ())
    return Evidence(**fields | empty | {"dead_letters": {}} | found)


def record(offset: int, value: bytes, headers: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - of any types
    pairs = tuple((name, text.encode()) for name, text in (headers or {}).items())
    return ConsumerRecord("t", 0, offset, 0, 0, None, value, None, 0, 0, pairs)


@pytest.mark.parametrize(
    ("rows", "problems"),
    [
        ({"a": "the latest", "b": None}, ()),
        ({"a": "the latest"}, ("b",)),
        ({"a": "the latest", "b": None, "c": None}, ("c",)),
        ({"a": "the first", "b": None}, ("a",)),
        ({"a": None, "b": None}, ("a",)),
    ],
)
def test_noted_reports_are_those_in_the_log_with_the_latest_reply(
    rows: dict[str, str | None], problems: tuple[str, ...]
) -> None:
    log = OutcomesLog(CUT)
    bodies = [{"type": "outcome.decided.v1", "id": each, "about": "report", "result": "noted"} for each in "ab"]
    bodies += [{"type": "report.replied.v1", "report_id": "a", "text": each} for each in ("the first", "the latest")]
    for offset, body in enumerate(bodies):
        log.add(record(offset, json.dumps(body).encode()))
    found = evidence(outcomes_log=log, noted_reports=rows, outcomes_by_id=dict.fromkeys("ab", ("report", "noted")))

    [check] = [each for each in evaluate(found).claims if each.name.startswith("every noted report")]

    assert (check.counted, check.examples) == (2, problems)


@pytest.mark.parametrize("model", get_args(get_args(InboxEvent)[0]))
def test_whatever_dispatch_reads_in_its_inbox_is_readable(model: type[WireModel]) -> None:
    inbox, id_ = InboxLog(applied_to={0: 10}), "00000000-0000-0000-0000-000000000000"
    body = {"type": model.model_fields["type"].default, "report_id": id_, "action_id": id_}

    inbox.add(record(0, json.dumps(body).encode()))

    assert inbox.unreadable == set()


def test_dead_letters_of_every_topic_are_in_the_line() -> None:
    """They were received, and nothing else tells so: their senders get no id for what nobody can read."""
    inbox, alarms = InboxLog(applied_to={0: 10}), AlarmsLog()
    inbox.add(record(0, b"[["))
    for offset in range(1005):
        alarms.add(record(offset, b"not JSON"))
    letters = {"paidan.alarms": 1005, "paidan.inbox": 1, "paidan.answers.streets": 3, "paidan.cases": 0}

    report = evaluate(
        evidence(
            inbox_log=inbox,
            alarms_log=alarms,
            inbox_dead_letters={(0, 0)},
            alarm_dead_letters={("t", 0, offset) for offset in range(1005)},
            dead_letters=letters,
        )
    )

    assert report.holds
    assert report.line == (
        "1006 received = 0 opened + 0 merged + 0 noted + 0 suppressed + 0 refused + 1006 dead_lettered"
        "; dead letters: 1005 of paidan.alarms, 3 of paidan.answers.streets, 1 of paidan.inbox"
    )


@pytest.mark.parametrize(("counted", "missing"), [(4, 1), (5, 0), (6, 0)])
def test_alarms_that_were_only_counted_are_accounted_for(counted: int, missing: int) -> None:
    """One in a thousand letters of a sender beyond its limit is kept."""
    alarms = AlarmsLog()
    for offset in range(10):
        alarms.add(record(offset, b"not JSON"))
    kept = {("t", 0, offset) for offset in (0, 1, 2, 5, 9)}

    report = evaluate(
        evidence(alarms_log=alarms, alarm_dead_letters=kept, counted_alarms=[CountedRange("t", 0, 3, 8, counted)])
    )

    assert sum(claim.against for claim in report.claims) == missing


def test_a_result_that_is_new_is_counted_and_named() -> None:
    report = evaluate(evidence(outcomes_by_id={"a": ("report", "of_tomorrow")}, complete=False))

    assert "1 of_tomorrow" in report.line


STEP: Final = {"case_id": "tiny-1", "version": 1, "state": {"status": "filed", "reports": 1}}


@pytest.mark.parametrize(
    ("complete", "cases_complete", "holds", "noted"),
    [(True, True, False, 0), (False, True, False, 0), (False, False, True, 1)],
)
def test_histories_are_compared_as_long_as_their_own_log_is_whole(
    *, complete: bool, cases_complete: bool, holds: bool, noted: int
) -> None:
    """The inbox loses its first records after ninety days, and the log of cases never does."""
    cases = CasesLog(CUT)
    cases.add(record(0, json.dumps(STEP).encode()))
    rewritten = {"tiny-1": NO_STEPS.extend(1, b"another step's", b"its chain")}

    report = evaluate(evidence(cases_log=cases, history=rewritten, complete=complete, cases_complete=cases_complete))

    [history] = [claim for claim in report.claims if "byte for byte" in claim.name]
    assert (history.holds, sum(remark.found for remark in report.remarks)) == (holds, noted)


@pytest.mark.parametrize(("cities", "holds"), [(("tiny", "tiny"), False), (("tiny", "town"), True)])
def test_two_cases_of_a_city_with_one_number_are_found(cities: tuple[str, str], *, holds: bool) -> None:
    cases = CasesLog(CUT)
    for number, city in enumerate(cities):
        state = {"status": "filed", "reports": 1, "city": city, "numbers": {"ours": "YC202603020001"}}
        step = {"case_id": f"{city}-{number}", "version": 1, "state": state}
        cases.add(record(number, json.dumps(step).encode()))

    report = evaluate(evidence(cases_log=cases))

    [numbers] = [claim for claim in report.claims if claim.name == "no two cases of a city have one number"]
    assert numbers.holds is holds


@pytest.mark.parametrize(
    ("origin", "sequence", "expected"),
    [
        ("dispatch/paidan.inbox-0", "5", True),
        ("dispatch/paidan.inbox-0", "6", False),
        ("dispatch/paidan.inbox-1", "6", True),
        ("dispatch/paidan.inbox-0", "x", True),
        ("", "", True),
    ],
)
def test_what_was_said_after_the_cut_is_left_out(origin: str, sequence: str, *, expected: bool) -> None:
    """A message of nobody's is not left out: somebody else wrote it."""
    headers = {"ce_origin": origin, "ce_sequence": sequence} if origin else {}

    assert CUT.holds(record(0, b"{}", headers)) == expected


def digests_of(values: list[bytes], anchored: dict[int, Head] | None = None) -> LogDigests:
    digests = LogDigests(anchored or {})
    for offset, value in enumerate(values):
        digests.add(record(offset, value))
    return digests


def test_an_anchor_is_of_what_precedes_it() -> None:
    anchored = digests_of([b"a", b"b"]).heads()

    assert digests_of([b"a", b"b"], anchored).differing() == []
    assert digests_of([b"a", b"b", b"c"], anchored).differing() == []
    for changed in ([b"a"], [], [b"a", b"x"], [b"x", b"b", b"c"], [b"ab", b""], [b"b", b"a"]):
        assert digests_of(changed, anchored).differing() == [0], changed


def test_an_anchor_is_read_as_it_was_saved(tmp_path: Path) -> None:
    anchor = Anchor({0: Head(7, "a" * 64), 3: Head(1, "b" * 64)}, {"intake.vault_reading": Head(2, "c" * 64)})
    path = tmp_path / "anchor.json"
    path.write_text(anchor.to_json())

    assert Anchor.read(path) == anchor


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "cases": 3, "logs": {}}', "nul"])
def test_what_is_no_anchor_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "anchor.json"
    path.write_text(content)

    with pytest.raises(DeployError, match=r"anchor\.json"):
        Anchor.read(path)


def test_a_missing_anchor_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=r"gone\.json cannot be read"):
        Anchor.read(tmp_path / "gone.json")
