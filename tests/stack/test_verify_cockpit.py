"""`paidan verify` compares the cockpit's read model with the log of cases, where there is a cockpit."""

import json

import pytest

from paidan_deploy.conservation.cases_log import CasesLog, ShownCase
from paidan_deploy.conservation.checks import evaluate
from paidan_deploy.conservation.cockpit_checks import CockpitTables
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

    claims = [
        each for each in evaluate(evidence(cases_log=log, cockpit=tables)).claims if each.code.startswith("cockpit")
    ]

    assert {each.code: each.examples for each in claims if not each.holds} == problems
    assert len(claims) == (3 if tables else 0)
