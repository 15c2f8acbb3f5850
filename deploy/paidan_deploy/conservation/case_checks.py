"""Checks that cases, facts and tallies agree with the logs. Pure."""

from paidan_deploy.conservation.evidence import Evidence
from paidan_deploy.conservation.report import MAX_EXAMPLES, Check, Notice


def check_case_versions(evidence: Evidence) -> Check:
    logged = {
        name: (each.version, evidence.cases_log.statuses[name]) for name, each in evidence.cases_log.steps.items()
    }
    stored = {name: (row.version, row.status) for name, row in evidence.case_table.items()}
    differing = {name for name in {*logged, *stored} if logged.get(name) != stored.get(name)}
    return Check.of(
        "case_versions_match",
        "every case is in the table as in the log",
        "每个案件在表中与在日志中一致",
        differing,
        evidence.case_table,
    )


def check_history(evidence: Evidence) -> Check:
    """Compare bytes: who can rewrite the table can compute its chain anew, but not what was published."""
    logged = evidence.cases_log.steps
    differing = {
        name
        for name in {*logged, *evidence.history}
        if logged.get(name) != evidence.history.get(name) and evidence.cases_complete
    }
    return Check.of(
        "history_matches",
        "every step of every case is in the history byte for byte as published",
        "每个案件的每一步在历史中与所发布的逐字节相同",
        differing,
        logged,
    )


def incomparable_histories(evidence: Evidence) -> Notice:
    """Name what is not compared where somebody has shortened the log's retention."""
    found = () if evidence.cases_complete else tuple(sorted(evidence.history))
    return Notice(
        "histories_incomparable",
        "histories that cannot be compared: paidan.cases has lost its first records",
        len(evidence.history),
        len(found),
        found[:MAX_EXAMPLES],
        "无法比较的历史：paidan.cases 缺少最初的记录",
    )


def check_newest_steps(evidence: Evidence) -> Check:
    """Compare chains: the table says which step of the history is a case's newest, from which decisions go on."""
    differing = {
        name
        for name, row in evidence.case_table.items()
        if (steps := evidence.history.get(name)) is None or steps.chain != row.chain
    }
    return Check.of(
        "newest_steps_match",
        "every case's present state is its newest step in the history",
        "每个案件的当前状态即其历史的最新一步",
        differing,
        evidence.case_table,
    )


def check_numbers(evidence: Evidence) -> Check:
    return Check.of(
        "numbers_unique",
        "no two cases of a city have one number",
        "同一城市中没有两个案件编号相同",
        evidence.cases_log.repeated_numbers,
        evidence.cases_log.numbers,
    )


def check_report_counts(evidence: Evidence) -> Check:
    in_outcomes = sum(
        1 for about, result in evidence.outcomes_by_id.values() if about == "report" and result in ("opened", "merged")
    )
    opened = sum(1 for about, result in evidence.outcomes_by_id.values() if about == "report" and result == "opened")
    in_cases = sum(evidence.cases_log.report_counts.values())
    problems = (
        [f"{in_outcomes} opened or merged, {in_cases} in cases / 立案或合并 {in_outcomes}，案件中有 {in_cases}"]
        if in_outcomes != in_cases
        else []
    )
    cases = len(evidence.case_table)
    problems += [f"{opened} opened, {cases} cases / 立案 {opened}，案件 {cases}"] if opened != cases else []
    return Check.of(
        "report_counts_match",
        "reports opened and merged are the reports that cases hold",
        "立案和合并的上报即案件所含的上报",
        problems,
        range(in_cases),
    )


def check_scoring_versions(evidence: Evidence) -> Check:
    expected = evidence.cases_log.scored_versions
    differing = {
        name for name in {*expected, *evidence.fact_versions} if expected.get(name) != evidence.fact_versions.get(name)
    }
    return Check.of(
        "scoring_versions_match",
        "scoring has every case at its newest version",
        "评分拥有每个案件的最新版本",
        differing,
        evidence.fact_versions,
    )


def check_tallies(evidence: Evidence) -> Check:
    facts, tallied, negative = evidence.tallies.facts, evidence.tallies.tallied, evidence.tallies.negative
    problems = [f"{facts} facts, {tallied} tallied / 事实 {facts}，已计 {tallied}"] if facts != tallied else []
    problems += [f"{negative} negative tallies / 负数计数 {negative}"] if negative else []
    return Check.of("facts_tallied_once", "every fact is tallied once", "每项事实恰好计数一次", problems, range(facts))
