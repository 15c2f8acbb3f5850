"""Of several outcomes under one id the first of the log counts, wherever batches are cut, in the tables, too."""

import random
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_chassis.consumer.batch import Record
from paidan_cockpit.first_outcomes import KEPT, first_outcomes, quarter_of
from paidan_cockpit.report_outcomes import SuppressedAlarm
from paidan_contracts.outcomes import OutcomeDecided, Refusal
from paidan_contracts.topics import OUTCOMES
from tests.cockpit.database_fixture import apply_records

BEGIN: Final = datetime(2026, 3, 2, tzinfo=UTC)
TABLES: Final = (
    "SELECT alarm_id::text, recorded_at FROM suppressed_alarm ORDER BY 1",
    "SELECT quarter, city, source, reason, alarms, last_at FROM suppressed_tally ORDER BY 1, 2, 3, 4",
    "SELECT report_id::text, city, source, recorded_at FROM noted_report ORDER BY 1",
)
minutes: Final = st.integers(0, 200) | st.integers(0, 2).map(lambda each: each * round(KEPT / timedelta(minutes=1)))
outcomes: Final = st.lists(st.tuples(st.integers(0, 4), minutes, st.sampled_from("ab")), max_size=12)


def alarm(number: int, minute: int, reason: str = "a") -> SuppressedAlarm:
    return SuppressedAlarm(str(number), "tiny", "camera", reason, BEGIN + timedelta(minutes=minute))


def fold(alarms: Sequence[SuppressedAlarm], ends: Sequence[int]) -> dict[str, SuppressedAlarm]:
    """Return what counts after batches that end so."""
    counted: dict[str, SuppressedAlarm] = {}
    for begin, end in zip([0, *ends], [*ends, len(alarms)], strict=True):
        newest = max((quarter_of(each.recorded_at) for each in counted.values()), default=None)
        known = {each.alarm_id: each.recorded_at for each in counted.values()}
        found = first_outcomes(((each.alarm_id, each) for each in alarms[begin:end]), known, newest)
        counted |= found.added
        counted = {id_: each for id_, each in counted.items() if each.recorded_at >= found.oldest}
    return counted


@given(outcomes, st.data())
def test_batches_may_be_cut_anywhere(drawn: list[tuple[int, int, str]], data: st.DataObject) -> None:
    alarms = [alarm(*each) for each in drawn]
    ends = sorted(data.draw(st.sets(st.integers(0, len(alarms)))))

    one_by_one = fold(alarms, range(1, len(alarms)))

    assert fold(alarms, ends) == fold(alarms, []) == one_by_one


def test_the_first_counts_until_it_is_as_old_as_what_the_log_forgets() -> None:
    old, repeat, edge, later = alarm(1, 0), alarm(1, 5, "b"), alarm(2, 43_200), alarm(3, 43_215)

    assert fold([old, repeat], []) == {"1": old}
    assert fold([old, edge, repeat], []) == {"1": old, "2": edge}
    assert fold([old, later, alarm(1, 43_215, "b")], []) == {"3": later, "1": alarm(1, 43_215, "b")}


def record(number: int, minute: int, reason: str, offset: int) -> Record:
    """Return an outcome of a camera's alarm as the log has it; of every third id they are noted."""
    at, id_ = BEGIN + timedelta(minutes=minute), str(uuid.UUID(int=number + 1))
    why = Refusal(code={"a": "alarm_refired", "b": "alarm_too_brief"}[reason], message="m", message_zh="m")
    outcome = OutcomeDecided(
        id=id_, about="report", result="suppressed" if number % 3 else "noted", why=why, area="tiny.990101",
        source="camera" if reason == "a" else "sensor", recorded_at=at, decided_at=at,
    )  # fmt: skip
    return Record(OUTCOMES.name, 0, offset, id_.encode(), outcome.model_dump_json(exclude_none=True).encode(), (), at)


@pytest.mark.parametrize("seed", range(3))
async def test_the_tables_are_the_same_wherever_batches_are_cut(seed: int, pool: "asyncpg.Pool[Any]") -> None:
    rng = random.Random(seed)  # noqa: S311 - a test has to be repeatable, not secret
    spread = 43_200 * 2 if seed else 60
    drawn = [(rng.randrange(9), rng.randrange(spread), rng.choice("ab")) for _ in range(60)]
    records = [record(*each, offset) for offset, each in enumerate(drawn)]
    found = []
    for cuts in (0, 5, 20, 59):
        await pool.execute("TRUNCATE suppressed_alarm, suppressed_tally, noted_report")
        ends = sorted(rng.sample(range(1, 60), cuts))
        for begin, end in zip([0, *ends], [*ends, 60], strict=True):
            await apply_records(pool, records[begin:end])
        found.append([[tuple(row) for row in await pool.fetch(query)] for query in TABLES])

    assert all(found[0])
    assert found[1:] == found[:1] * 3
