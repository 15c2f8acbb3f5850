"""The demo counts what readers of the topics see, each step once."""

from paidan_deploy.demo.monitor import Observed

OPENED = {"type": "case.opened.v1", "case_id": "tiny-1", "version": 1}


def test_a_dispatch_counts_once_whether_the_opening_tells_it_or_a_step_of_its_own() -> None:
    observed = Observed()
    at_once = OPENED | {"case_id": "tiny-2", "dispatched": {"department": "lamps"}}

    for event in (OPENED, OPENED | {"type": "case.dispatched.v1", "version": 2}, OPENED, at_once, at_once):
        observed.record_event(event)

    assert observed.event_counts == {"case.opened.v1": 2, "case.dispatched.v1": 2}
