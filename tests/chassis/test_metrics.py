"""Metrics have the names that dashboards use, and no others."""

from typing import get_args

import pytest

from paidan_chassis.consumer.batch import Lane
from paidan_chassis.consumer.consumer_metrics import ConsumerCollector, ConsumerMetrics, LaneMetrics
from paidan_chassis.consumer.dead_letter_counts import Counts
from paidan_chassis.observability import metrics
from paidan_chassis.observability.metrics import Metrics


def test_every_metric_has_help_and_labels() -> None:
    """mypy checks that no table holds an unknown name; this, that none is missing."""
    assert set(metrics.COUNTERS) == set(get_args(metrics.CounterName))
    assert set(metrics.GAUGES) == set(get_args(metrics.GaugeName))
    assert set(metrics.HISTOGRAMS) == set(get_args(metrics.HistogramName))


def test_rendered_page_holds_counters() -> None:
    counted = Metrics("library")

    counted.count("paidan_records_total", 3, loop="inbox")
    counted.set_gauge("paidan_lane_lag_seconds", 1.5, loop="inbox", lane="library.loans-0")
    counted.histogram("paidan_batch_seconds", loop="inbox").observe(0.02)

    page = counted.render().decode()
    assert 'paidan_records_total{loop="inbox",service="library"} 3.0' in page
    assert 'paidan_lane_lag_seconds{lane="library.loans-0",loop="inbox",service="library"} 1.5' in page
    assert 'paidan_batch_seconds_bucket{le="0.025",loop="inbox",service="library"} 1.0' in page


def test_revoked_lane_metrics_are_removed() -> None:
    """Its last lag would stay on the dashboard for ever, beside the new owner's."""
    counted = Metrics("library")
    counted.set_gauge("paidan_lane_lag_records", 7, loop="inbox", lane="library.loans-0")

    counted.remove_gauge("paidan_lane_lag_records", loop="inbox", lane="library.loans-0")

    assert "library.loans-0" not in counted.render().decode()


def test_two_processes_in_one_interpreter_do_not_share_counts() -> None:
    one, other = Metrics("library"), Metrics("library")

    one.count("paidan_batches_total", loop="inbox")

    assert 'paidan_batches_total{loop="inbox"' not in other.render().decode()


def test_unknown_label_is_refused() -> None:
    with pytest.raises(ValueError, match="label"):
        Metrics("library").count("paidan_batches_total", shelf="3")


def test_consumer_counters_are_not_counted_twice_per_scrape() -> None:
    counted, figures = Metrics("library"), ConsumerMetrics()
    output = ConsumerCollector("inbox", lambda: figures)

    for records in (5, 5, 12):
        figures.records = records
        output(counted)

    assert 'paidan_records_total{loop="inbox",service="library"} 12.0' in counted.render().decode()


def test_lane_lag_is_shown_in_records_and_seconds_while_the_lane_is_ours() -> None:
    counted = Metrics("library")
    figures = ConsumerMetrics(lanes={Lane("library.loans", 0): LaneMetrics(lag_records=7, lag_s=2.5, outbox_backlog=3)})
    output = ConsumerCollector("inbox", lambda: figures)

    output(counted)
    page = counted.render().decode()
    figures.lanes = {}
    output(counted)

    lane = '{lane="library.loans-0",loop="inbox",service="library"}'
    assert f"paidan_lane_lag_records{lane} 7.0" in page
    assert f"paidan_lane_lag_seconds{lane} 2.5" in page
    assert f"paidan_lane_outbox_waiting{lane} 3.0" in page
    assert "library.loans-0" not in counted.render().decode()


def test_dead_letters_are_counted_on_over_a_restart() -> None:
    """A counter that began at zero would hide what the database knows."""
    counted, figures = Metrics("library"), ConsumerMetrics(dead_letters=2)
    output = ConsumerCollector("inbox", lambda: figures)
    output(counted)
    figures.dead_letter_counts = Counts(total=40, waiting=7, set_aside={"camera": 9})
    output(counted)
    figures.dead_letters = 5
    output(counted)

    page = counted.render().decode()
    assert 'paidan_dead_letters_total{loop="inbox",service="library"} 43.0' in page
    assert 'paidan_dead_letters_waiting{loop="inbox",service="library"} 7.0' in page
    assert 'paidan_sender_set_aside_records{loop="inbox",sender="camera",service="library"} 9.0' in page


def test_sender_that_is_set_aside_no_more_leaves_the_page() -> None:
    counted, figures = Metrics("library"), ConsumerMetrics()
    output = ConsumerCollector("inbox", lambda: figures)
    for set_aside in ({"camera": 9, "radar": 1}, {"radar": 2}):
        figures.dead_letter_counts = Counts(set_aside=set_aside)
        output(counted)

    page = counted.render().decode()
    assert "camera" not in page
    assert 'sender="radar",service="library"} 2.0' in page


def test_metrics_of_a_second_run_continue_those_of_the_first() -> None:
    """A consumer that was halted goes on with a new run; counters never go back."""
    first, second = ConsumerMetrics(records=5, gaps=1), ConsumerMetrics(records=2)

    assert (first.plus(second).records, first.plus(second).gaps) == (7, 1)
