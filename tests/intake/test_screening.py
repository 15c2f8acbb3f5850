"""Screening: which alarms are re-fires, and that batch boundaries do not matter."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts.city.class_overrides import EffectiveScreening
from paidan_intake.screening import MAX_STAYS, BecomesReport, Sighting, Stay, Suppressed, Verdict, screen

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
TERMS = EffectiveScreening(refire_s=60, dwell_s=0, report_at=0.8, review_at=0.5)
DWELL = EffectiveScreening(refire_s=60, dwell_s=20, report_at=0.8, review_at=0.5)


def screen_all(
    firings: Sequence[tuple[int, float | None]], terms: EffectiveScreening, before: Sighting = ()
) -> tuple[list[Verdict], Sighting]:
    """Screen alarms, each a number of seconds past noon and a confidence; return verdicts and the last sighting."""
    verdicts: list[Verdict] = []
    for seconds, confidence in firings:
        verdict, before = screen(NOON + timedelta(seconds=seconds), confidence, before, terms)
        verdicts.append(verdict)
    return verdicts, before


# Few seconds around the window's edge, so that edges are common, not lucky.
FIRINGS = st.lists(
    st.tuples(st.sampled_from([0, 1, 20, 59, 60, 61, 119, 120, 200]), st.sampled_from([None, 0.4, 0.5, 0.8])),
    max_size=8,
)


@given(firings=FIRINGS, cut=st.integers(0, 8), terms=st.sampled_from([TERMS, DWELL]))
def test_batch_boundaries_do_not_affect_screening(
    firings: list[tuple[int, float | None]], cut: int, terms: EffectiveScreening
) -> None:
    first, sighting = screen_all(firings[:cut], terms)
    second, last_sighting = screen_all(firings[cut:], terms, sighting)

    assert (first + second, last_sighting) == screen_all(firings, terms)


@given(seconds=st.lists(st.sampled_from([0, 1, 20, 59, 60, 61, 119, 120, 200]), max_size=8))
def test_reports_of_a_subject_are_at_least_the_window_apart(seconds: list[int]) -> None:
    firings = [(each, 0.9) for each in seconds]
    verdicts, _ = screen_all(firings, TERMS)
    reported = [
        second for (second, _), verdict in zip(firings, verdicts, strict=True) if isinstance(verdict, BecomesReport)
    ]

    assert all(abs(one - other) >= 60 for one, other in pairwise(reported))


@given(firings=FIRINGS)
def test_alarm_below_review_confidence_changes_no_state(firings: list[tuple[int, float | None]]) -> None:
    """Otherwise alarms below the threshold could keep a real incident from being reported."""
    sure = [each for each in firings if each[1] is None or each[1] >= 0.5]

    assert screen_all(firings, TERMS)[1] == screen_all(sure, TERMS)[1]


def test_subject_is_reported_once_seen_for_the_dwell_time() -> None:
    verdicts, _ = screen_all([(0, 0.9), (10, 0.9), (20, 0.9), (25, 0.9)], DWELL)

    assert verdicts == [
        Suppressed("alarm_too_brief"),
        Suppressed("alarm_too_brief"),
        BecomesReport(verify_first=False),
        Suppressed("alarm_refired"),
    ]


def test_gap_begins_a_new_sighting() -> None:
    verdicts, _ = screen_all([(0, 0.9), (61, 0.9), (80, 0.9), (81, 0.9)], DWELL)

    assert verdicts[1:3] == [Suppressed("alarm_too_brief")] * 2
    assert verdicts[3] == BecomesReport(verify_first=False)


def test_subject_still_seen_after_the_window_is_reported_again() -> None:
    """A department may have closed the case; only a new report can find that out."""
    verdicts, _ = screen_all([(seconds, 0.9) for seconds in range(0, 181, 5)], TERMS)

    assert [number * 5 for number, verdict in enumerate(verdicts) if isinstance(verdict, BecomesReport)] == [
        0,
        60,
        120,
        180,
    ]


def test_out_of_order_firings_stay_one_incident() -> None:
    verdicts, sighting = screen_all([(30, 0.9), (0, 0.9), (20, 0.9)], TERMS)

    assert verdicts == [BecomesReport(verify_first=False), Suppressed("alarm_refired"), Suppressed("alarm_refired")]
    assert sighting == (Stay(NOON, NOON + timedelta(seconds=30), NOON + timedelta(seconds=30)),)


THREE_HOURS = 3 * 3600


def reported_at(firings: Sequence[tuple[int, float | None]], terms: EffectiveScreening) -> list[int]:
    """Return the seconds of the alarms that become reports."""
    verdicts, _ = screen_all(firings, terms)
    pairs = zip(firings, verdicts, strict=True)
    return [seconds for (seconds, _), verdict in pairs if isinstance(verdict, BecomesReport)]


def test_a_backlog_among_live_alarms_is_a_stay_of_its_own() -> None:
    """A camera that was cut off sends what it has stored between what it sees."""
    terms = EffectiveScreening(refire_s=3600, dwell_s=180, report_at=0.8, review_at=0.5)
    live = [(THREE_HOURS + second, 0.9) for second in range(0, 301, 30)]
    backlog = [(second, 0.9) for second in range(0, 301, 30)]
    mixed = [alarm for pair in zip(live, backlog, strict=True) for alarm in pair]

    assert reported_at(mixed, terms) == [THREE_HOURS + 180, 180]
    assert reported_at(live, terms) == [THREE_HOURS + 180]


def test_a_backlog_in_any_order_is_reported_once() -> None:
    terms = EffectiveScreening(refire_s=300, dwell_s=180, report_at=0.8, review_at=0.5)
    live = [(THREE_HOURS + second, 0.9) for second in range(0, 181, 30)]
    backlog = [(second, 0.9) for second in range(180, -1, -30)]
    mixed = [alarm for pair in zip(live, backlog, strict=True) for alarm in pair]

    assert sorted(reported_at(mixed, terms)) == [0, THREE_HOURS + 180], "the alarm that completes a stay reports it"


def test_a_late_alarm_of_a_long_stay_is_not_reported_again() -> None:
    long = [(seconds, 0.9) for seconds in range(0, 601, 20)]

    assert reported_at([*long, (30, 0.9)], TERMS)[-1] == 600


def test_three_times_at_once_are_three_stays() -> None:
    """A camera may send two days' backlogs among what it sees."""
    terms = EffectiveScreening(refire_s=300, dwell_s=180, report_at=0.8, review_at=0.5)
    mixed = [(hours * 3600 + second, 0.9) for second in range(0, 181, 30) for hours in (48, 24, 0)]

    assert reported_at(mixed, terms) == [48 * 3600 + 180, 24 * 3600 + 180, 180]


def test_many_stays_keep_the_live_one() -> None:
    """A day's backlog has more stays than are kept."""
    terms = EffectiveScreening(refire_s=60, dwell_s=40, report_at=0.8, review_at=0.5)
    backlog = [(hour * 1000 + second, 0.9) for hour in range(3 * MAX_STAYS) for second in (0, 20, 40)]
    live = [(10**6 + 10 * number, 0.9) for number in range(len(backlog))]
    mixed = [alarm for pair in zip(live, backlog, strict=True) for alarm in pair]

    reports = reported_at(mixed, terms)

    assert len(reports) == 3 * MAX_STAYS + len([each for each in reports if each >= 10**6])
    assert [each for each in reports if each >= 10**6][:2] == [10**6 + 40, 10**6 + 100]


def test_surer_evidence_is_reported_within_the_window_once() -> None:
    """What awaits verification is confirmed by it, and not after half an hour."""
    verdicts, _ = screen_all([(0, 0.6), (5, 0.7), (10, 0.95), (15, 0.99), (20, 0.6)], TERMS)

    refired = Suppressed("alarm_refired")
    assert verdicts == [
        BecomesReport(verify_first=True),
        refired,
        BecomesReport(verify_first=False),
        refired,
        refired,
    ]


def test_an_alarm_without_confidence_is_not_surer() -> None:
    verdicts, _ = screen_all([(0, 0.6), (10, None)], TERMS)

    assert verdicts[1] == Suppressed("alarm_refired")
