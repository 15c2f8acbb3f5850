"""Screening: which alarms are re-fires, and that batch boundaries do not matter."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts.city.class_overrides import EffectiveScreening
from paidan_intake.screening import BecomesReport, Sighting, Suppressed, Verdict, screen

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
TERMS = EffectiveScreening(refire_s=60, dwell_s=0, report_at=0.8, review_at=0.5)
DWELL = EffectiveScreening(refire_s=60, dwell_s=20, report_at=0.8, review_at=0.5)


def screen_all(
    firings: list[tuple[int, float | None]], terms: EffectiveScreening, before: Sighting | None = None
) -> tuple[list[Verdict], Sighting | None]:
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


@given(firings=FIRINGS)
def test_reports_of_a_subject_are_at_least_the_window_apart(firings: list[tuple[int, float | None]]) -> None:
    verdicts, _ = screen_all(firings, TERMS)
    reported = [
        seconds for (seconds, _), verdict in zip(firings, verdicts, strict=True) if isinstance(verdict, BecomesReport)
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
    assert sighting == Sighting(NOON, NOON + timedelta(seconds=30), NOON + timedelta(seconds=30))
