"""Proofs and repeats on real tables: wherever a batch ends, the same is decided and written."""

from typing import Any

import asyncpg
import pytest

from paidan_contracts.actions import Inspect
from paidan_contracts.department_actions import Finish
from paidan_contracts.ids import action_id
from tests.dispatch.applied_alike import applied_alike
from tests.dispatch.applied_inbox import InboxRecords
from tests.dispatch.inbox_entries import build_action, build_report, case_id_of, city_in_force, photo_stored

ONE, TWO = build_report("1", east_m=500), build_report("2", east_m=900)
PHOTO = "a" * 64 + ".jpg"
STREETS, LAMPS = "department:streets", "department:lamps"


def finish(report: Any, *, ref: str | None = None, minutes: float = 9) -> Any:  # noqa: ANN401 - a request
    return build_action(case_id_of(report), Finish(proof=(PHOTO,)), by=STREETS, minutes=minutes, ref=ref)


@pytest.mark.parametrize(
    ("before", "codes"),
    [
        pytest.param([], ["unknown_photo"], id="never stored"),
        pytest.param([photo_stored(case_id_of(ONE), PHOTO, minutes=1)], [None], id="stored"),
        pytest.param([photo_stored(case_id_of(ONE), PHOTO, by=LAMPS, minutes=1)], ["unknown_photo"], id="another's"),
        pytest.param([photo_stored(case_id_of(TWO), PHOTO, minutes=1)], ["unknown_photo"], id="of another case"),
        pytest.param([photo_stored(case_id_of(ONE), PHOTO, minutes=-1)], ["unknown_photo"], id="before the order"),
        pytest.param(
            [photo_stored(case_id_of(ONE), PHOTO, minutes=minute) for minute in (-1, 5)],
            ["unknown_photo"],
            id="stored again is as old as it was",
        ),
    ],
)
async def test_finish_is_judged_by_what_was_stored_before_it(
    pool: "asyncpg.Pool[Any]", before: list[Any], codes: list[str | None]
) -> None:
    output = await applied_alike(pool, InboxRecords().append(city_in_force(), ONE, *before, finish(ONE)))

    assert [code for _, code in output.outcomes()[1:]] == codes


async def test_photo_stored_after_the_finish_does_not_help_it_but_the_next(pool: "asyncpg.Pool[Any]") -> None:
    stored = photo_stored(case_id_of(ONE), PHOTO, minutes=10)
    log = InboxRecords().append(city_in_force(), ONE, finish(ONE, ref="a"), stored, finish(ONE, ref="b", minutes=11))

    output = await applied_alike(pool, log)

    assert [code for _, code in output.outcomes()] == [None, "unknown_photo", None]


async def test_photo_proves_one_case_only(pool: "asyncpg.Pool[Any]") -> None:
    """The same bytes have the same name; stored for both, they prove whichever comes first."""
    log = InboxRecords().append(city_in_force(), ONE, TWO)
    log.append(*(photo_stored(case_id_of(each), PHOTO, minutes=1) for each in (ONE, TWO)))
    log.append(finish(ONE), finish(TWO))

    output = await applied_alike(pool, log)

    assert output.outcomes()[2:] == [("applied", None), ("refused", "photo_used")]


async def test_work_that_failed_its_inspection_is_proved_by_a_new_photo(pool: "asyncpg.Pool[Any]") -> None:
    """That of the work found wanting proves nothing new, sent once more or not; beside a new one it may stand."""
    one, fresh = case_id_of(ONE), "e" * 64 + ".jpg"
    failed = Inspect(passed=False, reason="x")
    log = InboxRecords().append(city_in_force(), ONE, photo_stored(one, PHOTO, minutes=1), finish(ONE, ref="first"))
    log.append(build_action(one, failed, by="inspector:ivy", minutes=10), photo_stored(one, PHOTO, minutes=11))
    log.append(finish(ONE, ref="same", minutes=12), finish(ONE, ref="first"), photo_stored(one, fresh, minutes=13))
    log.append(build_action(one, Finish(proof=(PHOTO, fresh)), by=STREETS, minutes=14, ref="both"))
    log.append(build_action(one, failed, by="inspector:ivy", minutes=15))
    log.append(build_action(one, Finish(proof=(fresh, PHOTO, fresh)), by=STREETS, minutes=16, ref="third"))

    output = await applied_alike(pool, log)

    assert output.outcomes() == [
        ("opened", None),
        ("applied", None),
        ("applied", None),
        ("refused", "photo_used"),
        ("applied", None),
        ("applied", None),
        ("refused", "photo_used"),
    ]
    rounds = await pool.fetch("SELECT ref, used_round FROM photo ORDER BY ref")
    assert [tuple(each) for each in rounds] == [(PHOTO, 1), (fresh, 2)]


async def test_a_refused_photo_is_not_used_up(pool: "asyncpg.Pool[Any]") -> None:
    log = InboxRecords().append(city_in_force(), ONE, TWO)
    log.append(*(photo_stored(case_id_of(each), PHOTO, minutes=1) for each in (ONE, TWO)))
    log.append(build_action(case_id_of(ONE), Finish(proof=(PHOTO,)), by=LAMPS, minutes=5), finish(TWO))

    output = await applied_alike(pool, log)

    assert output.outcomes()[2:] == [("refused", "not_your_order"), ("applied", None)]


async def test_repeat_of_a_refused_answer_is_refused_again_and_stays_refused(pool: "asyncpg.Pool[Any]") -> None:
    """Though it would be allowed by now: an id is decided once, and a new try has a new one."""
    early = finish(ONE, ref="early").model_copy(update={"answer_partition": 0, "answer_offset": 1})
    again = early.model_copy(update={"answer_offset": 5})
    stored = photo_stored(case_id_of(ONE), PHOTO, minutes=10)
    log = InboxRecords().append(city_in_force(), ONE, early, stored, again, again, finish(ONE, ref="new", minutes=11))

    output = await applied_alike(pool, log)

    refused = [each for each in output.messages if b"answer.refused.v1" in each.value]
    bodies = [each for each in output.bodies_on("paidan.orders.streets") if each["type"] == "answer.refused.v1"]
    assert [each["answer_offset"] for each in bodies] == [1, 5, 5]
    assert {each["why"]["code"] for each in bodies} == {"unknown_photo"}
    assert {each["action_id"] for each in bodies} == {action_id(STREETS, "early")}
    ids = [dict(each.headers)["ce_id"] for each in refused]
    assert (ids[0] != ids[1], ids[1] == ids[2]) == (True, True), "told again once for each record on its topic"
    assert output.outcomes() == [("opened", None), ("refused", "unknown_photo"), ("applied", None)]
