"""Which reports merge: the rule, its edges, and that batch boundaries and search order do not affect it."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts import ids
from paidan_contracts.reports import ImportedHistory, ReportReceived
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.decide import Progressed
from paidan_dispatch.cases.reports import ReportDecision, receive_report
from paidan_dispatch.matching.candidates import Candidate, Duplicate, MatchResult, NoMatch
from paidan_dispatch.matching.match import CandidateIndex, candidate_of, compute_index_change, match, squares_around
from paidan_dispatch.matching.squares import distance_between_m
from tests.dispatch.builders import apply_decision, build_report, imported_report, opened_case, receive_reports
from tests.dispatch.sample_pack import default_policy

POLICY = default_policy()


def brute_force(arrivals: list[ReportReceived]) -> dict[str, str]:
    """Return for each report the one that opened its case, by the rule as a city reads it. No case is closed meanwhile.

    A report joins the oldest open case (the smaller id of two as old) that was reported within 72 hours of it, in the
    same area, of the same class, by a channel that is matched, 50 m away or less (5 m for E0111, never for E0505):
    a live one if it is live, and one of the same word if it comes from an import; a record without a word joins none.
    """
    openers: list[ReportReceived] = []
    of: dict[str, str] = {}
    for new in arrivals:
        same = sorted(
            (old.recorded_at, _case_id(old), old.report_id) for old in openers if _are_about_the_same(new, old)
        )
        of[new.report_id] = same[0][2] if same else new.report_id
        if not same:
            openers.append(new)
    return of


def _are_about_the_same(one: ReportReceived, other: ReportReceived) -> bool:
    words = [each.past.matched_within if each.past else "live" for each in (one, other)]
    x, y = one.place, other.place
    if None in (x.latitude, y.latitude) or one.class_code is None or one.class_code == "E0505":
        return False
    assert x.latitude is not None
    assert x.longitude is not None
    assert y.latitude is not None
    assert y.longitude is not None
    return (
        one.class_code == other.class_code
        and words[0] == words[1] is not None
        and one.area == other.area
        and {one.channel, other.channel} <= {"hotline", "photo", "camera", "import"}
        and abs(one.recorded_at - other.recorded_at).total_seconds() <= 72 * 3600
        and distance_between_m(x.latitude, x.longitude, y.latitude, y.longitude)
        <= (5 if one.class_code == "E0111" else 50)
    )


def _case_id(of: ReportReceived) -> str:
    return ids.case_id(of.area, of.report_id)


def weighted(usual: object, *others: object) -> st.SearchStrategy[Any]:
    return st.sampled_from([usual] * 4 * len(others) + list(others))


# Two heaps with a third between them must be common, not lucky: so three spots 40 m apart and hardly anything else,
# and in half of the draws nothing differs but place and time.
near = st.sampled_from([0, 40, 80])
times = st.sampled_from([0, 1, 2]) | st.sampled_from([0, 71 * 60, 72 * 60, 72 * 60 + 1])


@st.composite
def arrivals(draw: st.DrawFn) -> list[ReportReceived]:
    alike = draw(st.booleans())
    return [
        build_report(
            str(draw(st.integers(0, 99)) * 10 + number),
            minutes=draw(times),
            place=_place(draw(near if alike else near | weighted(0, 25, 50, 50.2, None))),
            class_code="E0110" if alike else draw(weighted("E0110", "E0111", "E0505", None)),
            channel="hotline" if alike else draw(weighted("hotline", "photo", "patrol")),
            past=None
            if alike
            else draw(
                weighted(None, ImportedHistory(owner="roads", matched_within="a"), ImportedHistory(owner="roads"))
            ),
        )
        for number in range(draw(st.integers(0, 6)))
    ]


def _place(east_m: float | None) -> dict[str, object]:
    known = {"latitude": 36.0, "longitude": 117.0 + east_m / 89_960} if east_m is not None else {}
    return {"district": "1", **known}


def _openers(results: list[ReportDecision]) -> dict[str, str]:
    return {each.events[0].cause.id: each.after.opened_by for each in results}


@given(arrivals())
def test_matching_agrees_with_brute_force(reports: list[ReportReceived]) -> None:
    assert _openers(receive_reports(*reports)) == brute_force(reports)


@given(arrivals())
def test_match_rule_is_independent_of_candidates_found(reports: list[ReportReceived]) -> None:
    """Squares only save work: the rule rejects what they return by chance."""
    *others, new = reports or [build_report()]
    states = {state.case_id: state for state in map(opened_case, others)}
    rows = [row for each in states.values() if (row := candidate_of(each, POLICY.match_rules)) is not None]
    found: MatchResult = NoMatch()
    if squares_around(new, POLICY.match_rules):
        found = match(new, rows, POLICY.match_rules, states.__getitem__)

    same = sorted((old.recorded_at, _case_id(old)) for old in others if _are_about_the_same(new, old))

    assert (found.case_id if isinstance(found, Duplicate) else None) == (same[0][1] if same else None)


def _in_batches(reports: list[ReportReceived], cuts: set[int]) -> list[CaseState]:
    """Decide as the inbox handler does: in each batch, matching sees only what a search of the stored rows finds."""
    stored: dict[str, Candidate] = {}
    states: dict[str, CaseState] = {}
    for begin, end in pairwise(sorted({0, len(reports), *cuts})):
        batch = reports[begin:end]
        squares = {square for each in batch for square in squares_around(each, POLICY.match_rules)}
        nearby = CandidateIndex(row for row in stored.values() if row.square in squares)
        for each in batch:
            result = receive_report(each, nearby=nearby, state_of=states.__getitem__, policy=POLICY)
            before = result.before if isinstance(result, Progressed) else None
            change = compute_index_change(before, result.after, POLICY.match_rules)
            apply_decision(states, nearby, result, POLICY)
            if isinstance(change, Candidate):
                stored[change.case_id] = change
    return list(states.values())


@given(arrivals(), st.sets(st.integers(0, 6)))
def test_batch_boundaries_never_change_what_is_opened(reports: list[ReportReceived], cuts: set[int]) -> None:
    """Where a batch ends is up to Kafka and must have no effect."""
    inside = {cut for cut in cuts if cut <= len(reports)}

    assert _in_batches(reports, inside) == _in_batches(reports, set())


def test_of_two_cases_the_older_gets_the_report() -> None:
    """Between the two and equally near to both, it must not depend on how the search came back."""
    west, east = build_report("w", minutes=1), build_report("e", east_m=80)

    *_, joined = receive_reports(east, west, build_report("m", minutes=2, east_m=40))

    assert isinstance(joined, Progressed)
    assert joined.after.opened_by == east.report_id


def test_of_two_equally_old_cases_the_smaller_id_gets_the_report() -> None:
    west, east = build_report("w"), build_report("e", east_m=80)
    smaller = min((west, east), key=_case_id)

    for pair in ((west, east), (east, west)):
        *_, joined = receive_reports(*pair, build_report("m", minutes=2, east_m=40))
        assert joined.after.opened_by == smaller.report_id


def test_a_merge_has_the_distance() -> None:
    _, joined = receive_reports(build_report("1"), build_report("2", east_m=20))

    assert isinstance(joined, Progressed)
    assert joined.after.reports == 2
    assert joined.events[0].model_dump()["metres"] == pytest.approx(20, abs=0.2)


def test_imports_never_match_live_cases() -> None:
    records = [
        imported_report(ref, past=ImportedHistory(owner="roads", matched_within=word))
        for ref, word in zip("abc", "xxy", strict=True)
    ]

    results = receive_reports(
        build_report(),
        *records,
        imported_report("d", past=ImportedHistory(owner="roads")),
        imported_report("e", past=ImportedHistory()),
    )

    assert [type(each).__name__ for each in results] == ["Opened", "Opened", "Progressed", "Opened", "Opened", "Opened"]
