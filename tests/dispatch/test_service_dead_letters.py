"""What the lanes set aside: it comes to an end too, and costs no neighbour."""

from typing import Any

import asyncpg
import pytest

from tests.dispatch import database_fixture as ground
from tests.dispatch.database_fixture import (
    Log,
    in_force,
    play,
    report,
)


async def test_an_unreadable_record_is_buried_and_its_neighbours_are_not(pool: "asyncpg.Pool[Any]") -> None:
    first, second, wrong = report("1"), report("2", east_m=500), report("3")
    spoilt = wrong.model_dump_json().replace('"hotline"', '"HOT LINE"', 1).encode()
    log = Log().say(in_force(), first, b"\xff{", None, b"[]", b'{"type":"no.such.v1"}', spoilt, second)

    heard = await play(pool, log.records)

    assert [(reason, detail) for _, reason, detail in heard.buried] == [
        ("unreadable", "not JSON"),
        ("null_value", "there is no value"),
        ("invalid_field", "dict_type"),
        ("unknown_type", "type: not a type that anybody knows here"),
        ("invalid_field", "source: string_pattern_mismatch"),
    ]
    assert heard.outcomes() == [("opened", None), ("dead_lettered", "invalid_field"), ("opened", None)]
    assert heard.on("paidan.outcomes")[1]["id"] == wrong.report_id
    assert "HOT LINE" not in str(heard.said)


async def test_what_was_dead_lettered_may_be_decided_after_all_and_nothing_else(pool: "asyncpg.Pool[Any]") -> None:
    """A redrive appends the record again once the cause is gone."""
    said = report("1")
    spoilt = said.model_dump_json().replace('"hotline"', '"HOT LINE"', 1).encode()
    log = Log().say(in_force(), spoilt, spoilt, said, spoilt)

    for cut in (1000, 1):
        await ground.wipe(pool)
        heard = await play(pool, log.records, cut=cut)

        assert [result for result, _ in heard.outcomes()] == ["dead_lettered", "opened"]
        assert await pool.fetchval("SELECT result FROM outcome") == "opened"
    with pytest.raises(asyncpg.RestrictViolationError):
        await pool.execute("UPDATE outcome SET result = 'refused'")


async def test_a_header_that_is_not_text_buries_its_record(pool: "asyncpg.Pool[Any]") -> None:
    record = Log().say(report("1")).records[0]

    heard = await play(pool, [record._replace(headers=(("other", b"\xff"), ("ce_type", b"\xff\xfe")))])

    assert [(reason, detail) for _, reason, detail in heard.buried] == [("bad_header", "ce_type: not UTF-8 text")]


@pytest.mark.parametrize("name", ["ce_\udcff", "ce_\x00", "ce_" + "x" * 500, "ce_\n", "ce_类型"])
@pytest.mark.parametrize("value", [None, b"\xff"])
async def test_a_header_whose_name_cannot_be_said_buries_its_record(
    pool: "asyncpg.Pool[Any]", name: str, value: bytes | None
) -> None:
    """Names come from strangers, too: one that no message may hold must not be quoted in any."""
    record = Log().say(report("1")).records[0]

    heard = await play(pool, [record._replace(headers=((name, value), *record.headers))])

    assert [(reason, detail) for _, reason, detail in heard.buried] == [("bad_header", "?: not UTF-8 text")]
    assert heard.outcomes() == [("dead_lettered", "invalid_field")]


async def test_a_pack_under_another_citys_name_is_buried(pool: "asyncpg.Pool[Any]") -> None:
    heard = await play(pool, Log().say(in_force(city="other")).records)

    assert [reason for _, reason, _ in heard.buried] == ["invalid_field"]


async def test_what_the_consumer_itself_sets_aside_comes_to_an_end_too(pool: "asyncpg.Pool[Any]") -> None:
    """Poison that only PostgreSQL or the broker's limit finds is buried without its handler; its sender is told."""
    log = Log().say(in_force(), report("1"), report("2", east_m=500), b"nobody's")
    doomed = [(record, "too_large", "") for record in log.records[2:]]

    heard = await play(pool, log.records[:2], doomed=doomed)
    again = await play(pool, [], doomed=doomed)

    assert heard.outcomes() == [("opened", None), ("dead_lettered", "too_large")]
    assert heard.on("paidan.outcomes")[1]["id"] == report("2").report_id
    assert again.said == []
