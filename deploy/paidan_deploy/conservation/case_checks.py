"""Checks that cases, facts and tallies agree with the logs. Pure."""

from paidan_deploy.conservation.evidence import Evidence
from paidan_deploy.conservation.report import Check


def check_case_versions(evidence: Evidence) -> Check:
    logged = {
        name: (version, evidence.cases_log.statuses[name]) for name, version in evidence.cases_log.versions.items()
    }
    differing = {name for name in {*logged, *evidence.case_table} if logged.get(name) != evidence.case_table.get(name)}
    return Check.of("every case is in the table as in the log", differing, evidence.case_table)


def check_report_counts(evidence: Evidence) -> Check:
    in_outcomes = sum(
        1 for about, result in evidence.outcomes_by_id.values() if about == "report" and result in ("opened", "merged")
    )
    opened = sum(1 for about, result in evidence.outcomes_by_id.values() if about == "report" and result == "opened")
    in_cases = sum(evidence.cases_log.report_counts.values())
    problems = [f"{in_outcomes} opened or merged, {in_cases} in cases"] if in_outcomes != in_cases else []
    problems += [f"{opened} opened, {len(evidence.case_table)} cases"] if opened != len(evidence.case_table) else []
    return Check.of("reports opened and merged are the reports that cases hold", problems, range(in_cases))


def check_scoring_versions(evidence: Evidence) -> Check:
    expected = {name: version for name, (version, _) in evidence.case_table.items()}
    differing = {
        name for name in {*expected, *evidence.fact_versions} if expected.get(name) != evidence.fact_versions.get(name)
    }
    return Check.of("scoring has every case at its newest version", differing, evidence.fact_versions)


def check_tallies(evidence: Evidence) -> Check:
    facts, tallied, negative = evidence.tallies.facts, evidence.tallies.tallied, evidence.tallies.negative
    problems = [f"{facts} facts, {tallied} tallied"] if facts != tallied else []
    problems += [f"{negative} negative tallies"] if negative else []
    return Check.of("every fact is tallied once", problems, range(facts))
