"""The serials of case numbers: what each partition's log gave out, read once a batch and written with it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from paidan_chassis.database import Connection
from paidan_contracts.reports import ReportReceived
from paidan_dispatch.cases.case_numbers import Serials
from paidan_dispatch.inbox.unit_of_work import DecodedRecord

SELECT_SERIALS: Final = """
    SELECT lane, area, day, last
      FROM case_serial
     WHERE (lane, area, day) IN (SELECT * FROM unnest($1::integer[], $2::text[], $3::date[]))
"""
UPSERT_SERIALS: Final = """
    INSERT INTO case_serial (lane, area, day, last)
    SELECT * FROM unnest($1::integer[], $2::text[], $3::date[], $4::integer[])
        ON CONFLICT (lane, area, day) DO UPDATE
       SET last = EXCLUDED.last
"""


async def load_serials(conn: Connection, entries: Sequence[DecodedRecord], serials: dict[int, Serials]) -> None:
    """Add, by partition, the last serial of each area and day in which a report may open a case with a number.

    What is in ``serials`` already is not read again: who calls drops them after a rollback or a change of owner.
    """
    keys = {
        (each.record.partition, each.entry.area, each.entry.recorded_at.astimezone(each.policy.city.zone).date())
        for each in entries
        if each.policy is not None and each.policy.number_format and isinstance(each.entry, ReportReceived)
    }
    unknown = [key for key in keys if key[0] not in serials or not serials[key[0]].knows(*key[1:])]
    if not unknown:
        return
    rows = await conn.fetch(SELECT_SERIALS, *zip(*unknown, strict=True))
    for lane, area, day in unknown:
        serials.setdefault(lane, Serials()).add(area, day, 0)
    for row in rows:
        serials[row["lane"]].add(row["area"], row["day"], row["last"])


def take_serial_rows(serials: Mapping[int, Serials]) -> list[tuple[int, str, date, int]]:
    """Return the rows of what was given out since they were taken last.

    A row of a partition is written with a batch of it, and no other: only that batch is fenced by its position.
    """
    return [(lane, *row) for lane, each in serials.items() for row in each.take_changed()]
