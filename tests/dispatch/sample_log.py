"""A log of one case on the usual path, one that is returned and one that is voided."""

from paidan_contracts.actions import CallBack, Inspect, Void
from paidan_contracts.department_actions import Accept, Finish, Return
from tests.dispatch.applied_inbox import InboxRecords
from tests.dispatch.inbox_entries import build_action, build_report, case_id_of, city_in_force, photo_stored


def sample_log() -> InboxRecords:
    """Return a log with one case from report to callback, another that is returned, a third that is voided."""
    first, second, third = build_report("1"), build_report("2", east_m=500), build_report("3", east_m=900)
    log = InboxRecords().append(city_in_force(), first, second, third, build_report("1b", minutes=5, east_m=10))
    one, two, three = map(case_id_of, (first, second, third))
    department, inspector = "department:streets", "inspector:ivy"
    log.append(
        build_action(one, Accept(), by=department, minutes=10),
        build_action(two, Return(code="not_our_duty", reason="no"), by=department),
    )
    photos = ["a" * 64 + ".jpg", "b" * 64 + ".jpg"]
    log.append(*(photo_stored(one, each, minutes=50) for each in photos))
    log.append(build_action(one, Finish(proof=(photos[0],)), by=department, minutes=60))
    log.append(build_action(one, Inspect(passed=False, reason="still dirty"), by=inspector, minutes=70))
    log.append(build_action(one, Finish(proof=(photos[1],)), by=department, minutes=90))
    log.append(build_action(three, Void(reason="a joke"), by="operator:olga", minutes=91))
    log.append(build_action(one, Inspect(passed=True), by=inspector, minutes=95))
    return log.append(build_action(one, CallBack(rating="satisfied"), by="caller:carl", minutes=200))
