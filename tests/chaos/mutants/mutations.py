"""The mutations, each as small as possible, and the tests that must detect it."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Replacement:
    """A replacement in one file, whose old text must occur exactly once."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutation:
    """A bug as a set of replacements, and the tests that must fail with it."""

    name: str
    replacements: tuple[Replacement, ...]
    tests: tuple[str, ...]


_FENCE: Final = "services/chassis/paidan_chassis/consumer/fence.py"
_POSITIONS: Final = "services/chassis/paidan_chassis/consumer/positions.py"
_CHECKS: Final = "deploy/paidan_deploy/conservation/checks.py"
_INBOX_CHECKS: Final = "deploy/paidan_deploy/conservation/inbox_checks.py"
_AUDITED_LOAD_TEST: Final = "tests/chaos/test_kill_points.py::test_nothing_is_published_before_commit"
"""The quickest test whose load has repeats and whose results are audited."""

MUTATIONS: Final = (
    Mutation(
        "no fence",
        (
            Replacement(_POSITIONS, "       FOR UPDATE\n", ""),
            Replacement(
                _FENCE,
                "        stored = await self._run_past_frozen_owners(conn, query)\n"
                "        if moved_lanes := self._lanes.moved_elsewhere(stored, lanes):\n",
                "        stored = await self._run_past_frozen_owners(conn, query)\n        if moved_lanes := ():\n",
            ),
            Replacement(
                _FENCE,
                "new_records, rewind_to = drop_applied(records, stored, self._lanes.is_gap)",
                "new_records, rewind_to = list(records), {}",
            ),
            Replacement(
                _POSITIONS,
                "       AND lane.next_offset = advance.offset_before\n       AND lane.seq = advance.seq_before\n",
                "",
            ),
        ),
        ("tests/chaos/test_lane_ownership.py::test_frozen_owners_write_nothing_after_losing_their_lanes",),
    ),
    Mutation(
        "no de-duplication",
        (
            Replacement(
                "services/dispatch/paidan_dispatch/inbox/decide_batch.py",
                "if known is None or known.result == DEAD_LETTERED:",
                "if known is None or known:",
            ),
            Replacement(
                "services/dispatch/paidan_dispatch/inbox/statements.py",
                "SELECT * FROM unnest({arrays})\"",
                "SELECT * FROM unnest({arrays})\" + (\" ON CONFLICT DO NOTHING\" if table == \"outcome\" else \"\")",
            ),
        ),
        (_AUDITED_LOAD_TEST,),
    ),
    Mutation(
        "relay before commit",
        (
            Replacement(
                _FENCE,
                "        await transaction.commit()\n        self._lane_writer.follow_commit(writes)\n",
                "        self._lane_writer.follow_commit(writes)\n        await transaction.commit()\n",
            ),
            Replacement(
                _FENCE,
                "        try:\n            async with asyncio.timeout(self._connection.lock_wait_s):\n",
                "        self._lane_writer.follow_commit(writes)\n"
                "        try:\n            async with asyncio.timeout(self._connection.lock_wait_s):\n",
            ),
        ),
        (_AUDITED_LOAD_TEST,),
    ),
    Mutation(
        "relay out of order",
        (
            Replacement(
                "services/chassis/paidan_chassis/consumer/outbox_chunks.py",
                "for seq, (topic, key, value, headers) in messages:",
                "for seq, (topic, key, value, headers) in reversed(messages):",
            ),
        ),
        (_AUDITED_LOAD_TEST,),
    ),
    Mutation(
        "acknowledgement before Kafka's",
        (
            Replacement(
                "services/intake/paidan_intake/acceptance.py",
                "        messages = [report_message(each.report) for each in group]\n        try:\n",
                "        messages = [report_message(each.report) for each in group]\n"
                "        for each in group:\n            each.future.set_result(each.report)\n        try:\n",
            ),
        ),
        ("tests/chaos/test_server_crashes.py",),
    ),
    Mutation(
        "a check that counts outcomes instead of reports",
        (
            Replacement(
                _INBOX_CHECKS,
                'names = [*evidence.inbox_log.reports, *reused, *evidence.inbox_log.claimed_ids("report")]',
                "names = [n for n, (about, _) in evidence.outcomes_by_id.items() if about == 'report']",
            ),
            Replacement(
                _CHECKS,
                "received = len({*evidence.inbox_log.reports, *reused, *screened_out, *claimed})",
                "received = results.total()",
            ),
        ),
        ("tests/chaos/test_conservation.py",),
    ),
    Mutation(
        "a dispatch that decides whatever release a partition is of",
        (
            Replacement(
                "services/dispatch/paidan_dispatch/inbox/load.py",
                "if release != in_force.release and not isinstance(entry, ReleaseInForce):",
                "if release > in_force.release and not isinstance(entry, ReleaseInForce):",
            ),
        ),
        ("tests/dispatch/test_service_release.py",),
    ),
    Mutation(
        "a redrive that forgets a try before it",
        (
            Replacement(
                "services/chassis/paidan_chassis/consumer/append_again.py",
                'if found["redrive_tries"] > 1:',
                'if found["redrive_tries"] > 99:',
            ),
        ),
        ("tests/chassis/test_operator_routes.py::test_redrive_that_is_killed_is_done_once_by_the_next",),
    ),
    Mutation(
        "a check of the history that knows versions and no bytes",
        (
            Replacement(
                "deploy/paidan_deploy/conservation/case_checks.py",
                "if logged.get(name) != evidence.history.get(name) and",
                "if (name in logged) != (name in evidence.history) and",
            ),
        ),
        ("tests/chaos/test_conservation.py::test_rewritten_history_is_found_though_its_chain_was_made_anew",),
    ),
)  # fmt: skip
