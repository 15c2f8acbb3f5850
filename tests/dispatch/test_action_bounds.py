"""Several actions of a bounded post: each line is judged by its own case, whatever ids they share."""

from typing import Any

import asyncpg

from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.problems import Problem
from paidan_contracts.actions import Urge
from paidan_dispatch.actions.bounds import refuse_out_of_bounds
from tests.dispatch.applied_inbox import InboxRecords, apply_records
from tests.dispatch.inbox_entries import build_action, build_report, case_id_of, city_in_force


async def test_a_line_beyond_the_bounds_is_refused_though_another_has_its_id(pool: "asyncpg.Pool[Any]") -> None:
    within, beyond = build_report("in", class_code="E0110"), build_report("out", class_code="C0137", east_m=9000)
    await apply_records(pool, InboxRecords().append(city_in_force(), within, beyond).records)
    caller = Principal("person_1", "desk", "tiny", frozenset({"role:operator", "class:E0110"}), "1", "desk")
    lines = [build_action(case_id_of(each), Urge(), by="operator:person_1", ref="same") for each in (beyond, within)]

    judged = await refuse_out_of_bounds(pool, lines, caller)

    assert [isinstance(each, Problem) for each in judged] == [True, False]
