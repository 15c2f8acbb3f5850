"""The cameras' records of false alarms: what each partition's log found, read once a batch and written with it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from paidan_chassis.database import Connection
from paidan_contracts.actions import ActionRequested, Verify
from paidan_contracts.reports import ReportReceived
from paidan_contracts.settlement_actions import Settle
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.trust import CameraKey, CameraRecord, CameraRecords
from paidan_dispatch.inbox.unit_of_work import DecodedRecord, UnitOfWork

SELECT_CAMERA_RECORDS: Final = """
    SELECT lane, source, camera, judged, false_alarms
      FROM camera_record
     WHERE (lane, source, camera) IN (SELECT * FROM unnest($1::integer[], $2::text[], $3::text[]))
"""
UPSERT_CAMERA_RECORDS: Final = """
    INSERT INTO camera_record (lane, source, camera, judged, false_alarms)
    SELECT * FROM unnest($1::integer[], $2::text[], $3::text[], $4::integer[], $5::integer[])
        ON CONFLICT (lane, source, camera) DO UPDATE
       SET judged = EXCLUDED.judged, false_alarms = EXCLUDED.false_alarms
"""


async def load_camera_records(
    conn: Connection, entries: Sequence[DecodedRecord], unit_of_work: UnitOfWork
) -> dict[int, CameraRecords]:
    """Return, by partition, the records of the cameras whose alarms the batch holds or judges."""
    keys = {(each.record.partition, *key) for each in entries for key in _cameras_of(each, unit_of_work)}
    if not keys:
        return {}
    known: dict[int, dict[CameraKey, CameraRecord]] = {lane: {} for lane, _, _ in keys}
    for lane, source, camera, *record in await conn.fetch(SELECT_CAMERA_RECORDS, *zip(*sorted(keys), strict=True)):
        known[lane][source, camera] = CameraRecord(*record)
    return {lane: CameraRecords(each) for lane, each in known.items()}


def camera_of(state: CaseState) -> CameraKey | None:
    """Return the camera whose alarm opened a case that awaits verification, where trust goes by its record."""
    verification = state.clocks[-1].verification if state.status == "received" and state.clocks else None
    camera = verification.camera if verification is not None else None
    return (state.source, camera) if camera is not None else None


def judge(records: CameraRecords | None, request: ActionRequested, before: CaseState, policy: CityPolicy) -> None:
    """Add what a patrol found to the record of the camera whose alarm it was about."""
    action, key = request.action, camera_of(before)
    if records is not None and key is not None and isinstance(action, Verify | Settle):
        records.judge(key, is_true=isinstance(action, Settle) or action.verified, policy=policy)


def camera_rows(records: Mapping[int, CameraRecords]) -> list[tuple[int, str, str, int, int]]:
    """Return the rows of the records that changed."""
    return [(lane, *row) for lane, each in records.items() for row in each.changed()]


def _cameras_of(decoded: DecodedRecord, unit_of_work: UnitOfWork) -> Iterator[CameraKey]:
    entry = decoded.entry
    if isinstance(entry, ReportReceived):
        if entry.camera is not None:
            yield entry.source, entry.camera
    elif isinstance(entry, ActionRequested) and isinstance(entry.action, Verify | Settle):
        case_file = unit_of_work.case_files.get(entry.case_id)
        key = camera_of(case_file.state) if case_file is not None and case_file.state is not None else None
        if key is not None:
            yield key
