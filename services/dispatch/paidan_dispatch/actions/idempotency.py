"""Finds ids that were used before for something else, so that the sender is told at the door."""

from collections.abc import Sequence

from paidan_chassis.database import Pool
from paidan_chassis.edge.problems import Problem
from paidan_contracts.actions import ActionRequested
from paidan_dispatch.inbox import queries
from paidan_dispatch.inbox.decide_batch import DEAD_LETTERED


async def find_reused(pool: Pool, requests: Sequence[ActionRequested]) -> list[bool]:
    """Tell of each request whether its id was decided for another body, or an earlier one of these has it.

    What is in the log and not decided yet is not seen: there the lane refuses.
    """
    async with pool.acquire() as conn:
        known_outcomes = await queries.load_known_outcomes(conn, {each.action_id for each in requests})
    # What was set aside may still be decided, by a redrive or by its sender's second try.
    digests = {
        id_: outcome.digest.hex()
        for id_, outcome in known_outcomes.items()
        if outcome.digest and outcome.result != DEAD_LETTERED
    }
    return [digests.setdefault(each.action_id, each.digest) != each.digest for each in requests]


def id_reused_problem(field: str) -> Problem:
    """Say 409, naming where the id stood."""
    message = "this id was used before for another action or another case; that one stands, give this one a new id"
    return Problem(409, "id_reused", message, "该编号已用于其他操作或案件，以首次为准，请换用新编号", field)
