"""A log on which cases go the main road and beside it."""

from paidan_contracts.actions import Accept, CallBack, Finish, Inspect, Return, Void
from tests.dispatch.database_fixture import (
    Log,
    asked,
    case_of,
    in_force,
    report,
)


def main_road() -> Log:
    """One case from report to callback, another that is returned, a third that is voided."""
    first, second, third = report("1"), report("2", east_m=500), report("3", east_m=900)
    log = Log().say(in_force(), first, second, third, report("1b", minutes=5, east_m=10))
    one, two, three = map(case_of, (first, second, third))
    doer, inspector = "department:streets", "inspector:ivy"
    log.say(asked(one, Accept(), by=doer, minutes=10), asked(two, Return(code="not_our_duty", reason="no"), by=doer))
    log.say(asked(one, Finish(proof=("a" * 64 + ".jpg",)), by=doer, minutes=60))
    log.say(asked(one, Inspect(passed=False, reason="still dirty"), by=inspector, minutes=70))
    log.say(asked(one, Finish(proof=("b" * 64 + ".jpg",)), by=doer, minutes=90))
    log.say(asked(three, Void(reason="a joke"), by="operator:olga", minutes=91))
    log.say(asked(one, Inspect(passed=True), by=inspector, minutes=95))
    return log.say(asked(one, CallBack(rating="satisfied"), by="caller:carl", minutes=200))
