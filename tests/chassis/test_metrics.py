"""Metrics have the names that dashboards know, and no others."""

from typing import get_args

import pytest

from paidan_chassis.consumer.config import ConsumerFigures, LaneFigures
from paidan_chassis.consumer.consumer_metrics import Shown
from paidan_chassis.consumer.records import Lane
from paidan_chassis.observability import metrics
from paidan_chassis.observability.metrics import Metrics


def test_every_name_has_its_help_and_its_labels() -> None:
    """mypy checks that no table holds an unknown name; this, that none is missing."""
    assert set(metrics.COUNTERS) == set(get_args(metrics.Counter))
    assert set(metrics.GAUGES) == set(get_args(metrics.Gauge))
    assert set(metrics.HISTOGRAMS) == set(get_args(metrics.Histogram))


def test_the_page_holds_what_was_counted() -> None:
    counted = Metrics("library")

    counted.count("paidan_records_total", 3, loop="inbox")
    counted.put("paidan_lane_lag_seconds", 1.5, loop="inbox", lane="library.loans-0")
    counted.observe("paidan_batch_seconds", 0.02, loop="inbox")

    page = counted.page().decode()
    assert 'paidan_records_total{loop="inbox",service="library"} 3.0' in page
    assert 'paidan_lane_lag_seconds{lane="library.loans-0",loop="inbox",service="library"} 1.5' in page
    assert 'paidan_batch_seconds_bucket{le="0.025",loop="inbox",service="library"} 1.0' in page


def test_a_lane_that_went_elsewhere_leaves_no_figure_behind() -> None:
    """Its last lag would stand on the dashboard for ever, beside the new owner's."""
    counted = Metrics("library")
    counted.put("paidan_lane_lag_records", 7, loop="inbox", lane="library.loans-0")

    counted.drop("paidan_lane_lag_records", loop="inbox", lane="library.loans-0")

    assert "library.loans-0" not in counted.page().decode()


def test_two_processes_in_one_interpreter_do_not_share_counts() -> None:
    one, other = Metrics("library"), Metrics("library")

    one.count("paidan_batches_total", loop="inbox")

    assert 'paidan_batches_total{loop="inbox"' not in other.page().decode()


def test_a_wrong_label_is_refused() -> None:
    with pytest.raises(ValueError, match="label"):
        Metrics("library").count("paidan_batches_total", shelf="3")


def test_a_consumers_figures_are_counted_once_however_often_they_are_looked_at() -> None:
    counted, figures = Metrics("library"), ConsumerFigures()
    shown = Shown("inbox", lambda: figures)

    for records in (5, 5, 12):
        figures.records = records
        shown(counted)

    assert 'paidan_records_total{loop="inbox",service="library"} 12.0' in counted.page().decode()


def test_lane_lag_is_shown_in_records_and_seconds_while_the_lane_is_ours() -> None:
    counted = Metrics("library")
    figures = ConsumerFigures(lanes={Lane("library.loans", 0): LaneFigures(lag_records=7, lag_s=2.5, outbox_backlog=3)})
    shown = Shown("inbox", lambda: figures)

    shown(counted)
    page = counted.page().decode()
    figures.lanes = {}
    shown(counted)

    lane = '{lane="library.loans-0",loop="inbox",service="library"}'
    assert f"paidan_lane_lag_records{lane} 7.0" in page
    assert f"paidan_lane_lag_seconds{lane} 2.5" in page
    assert f"paidan_lane_outbox_waiting{lane} 3.0" in page
    assert "library.loans-0" not in counted.page().decode()
