"""The bugs, each in as few lines as possible, and the tests that must see it."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Change:
    """One place of one file, which must stand there exactly once."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Bug:
    """What is wrong, where, and which tests say so."""

    name: str
    changes: tuple[Change, ...]
    tests: tuple[str, ...]


_FENCE: Final = "services/chassis/paidan_chassis/consumer/fence.py"
_POSITIONS: Final = "services/chassis/paidan_chassis/consumer/positions.py"
_BALANCE: Final = "deploy/paidan_deploy/conservation/checks.py"
_QUICK: Final = "tests/chaos/test_kill_points.py::test_nothing_is_said_before_it_is_committed"
"""Its load has repeats, and what comes out is audited."""

BUGS: Final = (
    Bug(
        "no fence",
        (
            Change(_POSITIONS, "       FOR UPDATE\n", ""),
            Change(_FENCE, "if void := moved(self.stands, found, lanes):", "if void := ():"),
            Change(_FENCE, "fresh, ahead = cut(records, found, self.tolerated)", "fresh, ahead = list(records), {}"),
        ),
        ("tests/chaos/test_lane_ownership.py::test_owners_frozen_in_their_transactions_change_nothing_when_they_wake",),
    ),
    Bug(
        "no de-duplication",
        (
            Change(
                "services/dispatch/paidan_dispatch/inbox/decide_batch.py",
                "if known is None or known.result == DEAD_LETTERED:",
                "if known is None or known:",
            ),
            Change(
                "services/dispatch/paidan_dispatch/handlers.py",
                "        fresh = [row for id_, row in ledger.outcomes.items() if id_ not in ledger.reopened]\n",
                "        known = {str(row['id']) for row in await conn.fetch('SELECT id FROM outcome')}\n"
                "        fresh = [row for id_, row in ledger.outcomes.items() if id_ not in known | ledger.reopened]\n",
            ),
        ),
        (_QUICK,),
    ),
    Bug(
        "relay before commit",
        (
            Change(
                _FENCE,
                "        await transaction.commit()\n        self._remember(outcome)\n",
                "        self._remember(outcome)\n        await transaction.commit()\n",
            ),
        ),
        (_QUICK,),
    ),
    Bug(
        "relay out of order",
        (
            Change(
                "services/chassis/paidan_chassis/consumer/relay.py",
                "chosen = list(islice(trail.waiting, share))",
                "chosen = list(islice(trail.waiting, share))[::-1]",
            ),
        ),
        (_QUICK,),
    ),
    Bug(
        "ack before Kafka",
        (
            Change(
                "services/intake/paidan_intake/acceptance.py",
                "        messages = [report_message(each.report) for each in group]\n        try:\n",
                "        messages = [report_message(each.report) for each in group]\n"
                "        for each in group:\n            each.done.set_result(each.report)\n        try:\n",
            ),
        ),
        ("tests/chaos/test_server_crashes.py",),
    ),
    Bug(
        "a check that counts what it should doubt",
        (
            Change(_BALANCE, "names = [*found.inbox.reports, *reused]",
                   "names = [n for n, (about, _) in found.decided.items() if about == 'report']"),
            Change(_BALANCE, "received = len({*found.inbox.reports, *reused, *screened})", "received = ends.total()"),
        ),
        ("tests/chaos/test_conservation.py",),
    ),
)  # fmt: skip
