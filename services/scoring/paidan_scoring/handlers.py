"""What scoring hears: steps of cases, in batches, each inside the batch's one transaction."""

from collections.abc import Iterable

from paidan_chassis.records import Record
from paidan_chassis.work import Work
from paidan_scoring import queries
from paidan_scoring.events import StepSeen
from paidan_scoring.packs import Packs
from paidan_scoring.queries import Connection
from paidan_scoring.reading import Unreadable, read
from paidan_scoring.tally import Row, rows_of


class Fold:
    """Puts the newest state of each case into facts and tallies. Applying a record again changes nothing."""

    def __init__(self, packs: Packs) -> None:
        self._packs = packs

    async def apply(self, work: Work) -> None:
        """Fold the steps in. Within a batch only the highest version of each case is looked at."""
        await queries.fold(work.conn, await self._rows(work.conn, newest(_steps(work))))

    def forget(self) -> None:
        """Nothing to forget: packs never change, and no state of a case is kept in memory."""

    async def _rows(self, conn: Connection, steps: Iterable[tuple[Record, StepSeen]]) -> list[tuple[Row, int]]:
        rows: list[tuple[Row, int]] = []
        for record, step in steps:
            zone = await self._packs.zone(conn, step.state.city_version)
            rows.extend((row, record.partition) for row in rows_of(step, zone))
        return rows


def newest(steps: Iterable[tuple[Record, StepSeen]]) -> list[tuple[Record, StepSeen]]:
    """Keep the highest version of each case: it carries the whole state, so what came before has nothing to add."""
    kept: dict[str, tuple[Record, StepSeen]] = {}
    for record, step in steps:
        seen = kept.get(step.case_id)
        if seen is None or seen[1].version < step.version:
            kept[step.case_id] = record, step
    return list(kept.values())


def _steps(work: Work) -> Iterable[tuple[Record, StepSeen]]:
    for record in work.records:
        match read(record):
            case Unreadable(reason, field):
                work.bury(record, reason, field)
            case step:
                yield record, step
