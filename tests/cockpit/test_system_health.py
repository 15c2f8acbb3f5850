"""What a service's probes say of it: the worst thing first, and lag by loop."""

from paidan_chassis.observability.metrics import Metrics
from paidan_cockpit.pages.dead_letter_totals import count_letters
from paidan_cockpit.pages.system_health import LoopHealth, ServiceHealth, parse_loops


def metrics_page() -> str:
    """Render what a service with two loops shows at /metrics."""
    metrics = Metrics("dispatch")
    for lane, seconds, records in (("in-0", 1.5, 10), ("in-1", 7.0, 3)):
        metrics.set_gauge("paidan_lane_lag_seconds", seconds, loop="inbox", lane=lane)
        metrics.set_gauge("paidan_lane_lag_records", records, loop="inbox", lane=lane)
    metrics.set_gauge("paidan_dead_letters_waiting", 2, loop="inbox")
    metrics.set_gauge("paidan_lane_lag_seconds", 0, loop="answers", lane="answers-0")
    return metrics.render().decode()


def health(alive: bool | None = True, ready: bool = True, halted: dict[str, str] | None = None) -> ServiceHealth:
    return ServiceHealth("dispatch", "http://d", alive, ready, {}, halted or {}, parse_loops(metrics_page()))


def test_a_loop_is_as_far_behind_as_its_slowest_lane() -> None:
    assert parse_loops(metrics_page()) == [LoopHealth("answers", 0.0, 0, 0), LoopHealth("inbox", 7.0, 13, 2)]
    assert health().lag_s == 7.0


def test_a_page_that_is_no_metrics_tells_of_no_loop() -> None:
    assert parse_loops("<html>paidan_lane_lag_seconds</html>") == []
    assert parse_loops('paidan_lane_lag_seconds{loop="x" broken\n') == []


def test_the_worst_thing_is_said_first() -> None:
    assert health().state == "ready"
    assert health(ready=False).state == "unready"
    assert health(alive=False, ready=False).state == "stalled"
    assert health(alive=False, ready=False, halted={"inbox": "why"}).state == "halted"
    assert health(alive=None).state == "silent"


def test_dead_letters_of_a_silent_service_are_unknown_and_not_none_at_all() -> None:
    silent = ServiceHealth("intake", "http://i", None, None, {}, {}, ())

    assert count_letters([health(), silent]) == {"intake": None, "dispatch": 2, "scoring": None, "cockpit": None}
