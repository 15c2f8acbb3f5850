"""The SQL of the consumers, and of photos that come with reports, one function a statement."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from pydantic import TypeAdapter

from paidan_chassis.database import Executor
from paidan_contracts.outcomes import ReportReplied
from paidan_intake.report_status import CaseStatus
from paidan_intake.screening import AlarmSubject, Sighting, Stay

_STAYS: Final = TypeAdapter(Sighting)
_SELECT_SIGHTINGS: Final = """
    SELECT s.source, s.camera, s.kind, s.region, s.first_seen, s.last_seen, s.reported_at, s.is_unsure, s.earlier
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS sought (source, camera, kind, region)
      JOIN sighting s USING (source, camera, kind, region)
"""


async def load_sightings(executor: Executor, subjects: Collection[AlarmSubject]) -> dict[AlarmSubject, Sighting]:
    """Return the sightings of these subjects. The lane's lock keeps other processes from changing them."""
    rows = await executor.fetch(_SELECT_SIGHTINGS, *_subject_columns(subjects))
    return {
        AlarmSubject(row["source"], row["camera"], row["kind"], row["region"]): (
            *_STAYS.validate_json(row["earlier"]),
            Stay(row["first_seen"], row["last_seen"], row["reported_at"], row["is_unsure"]),
        )
        for row in rows
    }


_UPSERT_SIGHTINGS: Final = """
    INSERT INTO sighting (source, camera, kind, region, first_seen, last_seen, reported_at, is_unsure, earlier)
    SELECT *
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[],
                  $7::timestamptz[], $8::boolean[], $9::jsonb[])
        ON CONFLICT (source, camera, kind, region) DO UPDATE
       SET first_seen = EXCLUDED.first_seen,
           last_seen = EXCLUDED.last_seen,
           reported_at = EXCLUDED.reported_at,
           is_unsure = EXCLUDED.is_unsure,
           earlier = EXCLUDED.earlier
"""


async def save_sightings(executor: Executor, sightings: dict[AlarmSubject, Sighting]) -> None:
    """Insert or replace the sightings of these subjects."""
    ordered = sorted(sightings.items(), key=lambda item: item[0])
    await executor.execute(
        _UPSERT_SIGHTINGS,
        *_subject_columns([subject for subject, _ in ordered]),
        [sighting[-1].first_seen for _, sighting in ordered],
        [sighting[-1].last_seen for _, sighting in ordered],
        [sighting[-1].reported_at for _, sighting in ordered],
        [sighting[-1].is_unsure for _, sighting in ordered],
        [_STAYS.dump_json(sighting[:-1]).decode() for _, sighting in ordered],
    )


def _subject_columns(subjects: Collection[AlarmSubject]) -> tuple[list[str], list[str], list[str], list[str]]:
    return (
        [each.source for each in subjects],
        [each.camera for each in subjects],
        [each.kind for each in subjects],
        [each.region for each in subjects],
    )


class ReportOutcome(NamedTuple):
    """The outcome of a report."""

    report_id: str
    result: str
    reason: str | None
    message: str | None
    message_zh: str | None
    case_id: str | None
    decided_at: datetime


_UPSERT_OUTCOMES: Final = """
    INSERT INTO outcome (report_id, result, reason, message, message_zh, case_id, decided_at)
    SELECT *
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
        ON CONFLICT (report_id) DO UPDATE
       SET result = EXCLUDED.result,
           reason = EXCLUDED.reason,
           message = EXCLUDED.message,
           message_zh = EXCLUDED.message_zh,
           case_id = EXCLUDED.case_id,
           decided_at = EXCLUDED.decided_at
     WHERE outcome.result = 'dead_lettered'
"""


async def save_outcomes(executor: Executor, outcomes: Sequence[ReportOutcome]) -> None:
    """Store outcomes of different reports. An outcome is final, except ``dead_lettered``: a redrive replaces it."""
    rows = sorted(outcomes)
    await executor.execute(_UPSERT_OUTCOMES, *(list(column) for column in zip(*rows, strict=True)))


_UPDATE_ANSWERS: Final = """
    UPDATE outcome AS o
       SET answer = reply.text,
           adopted = reply.adopted,
           answered_at = reply.replied_at
      FROM unnest($1::uuid[], $2::text[], $3::boolean[], $4::timestamptz[])
           AS reply (report_id, text, adopted, replied_at)
     WHERE o.report_id = reply.report_id
       AND (o.answered_at IS NULL OR o.answered_at <= reply.replied_at)
"""


async def save_replies(executor: Executor, replies: Collection[ReportReplied]) -> None:
    """Store the latest reply to each of different noted reports; an earlier one changes nothing."""
    by_id = sorted(replies, key=lambda each: each.report_id)
    rows = [(each.report_id, each.text, each.adopted, each.replied_at) for each in by_id]
    await executor.execute(_UPDATE_ANSWERS, *(list(column) for column in zip(*rows, strict=True)))


_UPSERT_STATUSES: Final = """
    INSERT INTO standing (case_id, version, status, answer, due_at, changed_at, departments, callbacks_awaited,
                          class_code, places)
    SELECT case_id, version, status, answer, due_at, changed_at, string_to_array(departments, ' '),
           string_to_array(callbacks_awaited, ' ')::uuid[], class_code, string_to_array(places, ' ')
      FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::text[],
                  $8::text[], $9::text[], $10::text[])
           AS c (case_id, version, status, answer, due_at, changed_at, departments, callbacks_awaited,
                 class_code, places)
        ON CONFLICT (case_id) DO UPDATE
       SET version = EXCLUDED.version,
           status = EXCLUDED.status,
           -- A case that an earlier release closed has no answer in its state: what was told stays told.
           answer = CASE WHEN EXCLUDED.status = 'closed' THEN COALESCE(EXCLUDED.answer, standing.answer)
                         ELSE EXCLUDED.answer END,
           due_at = EXCLUDED.due_at,
           changed_at = EXCLUDED.changed_at,
           departments = EXCLUDED.departments,
           callbacks_awaited = EXCLUDED.callbacks_awaited,
           class_code = EXCLUDED.class_code,
           places = EXCLUDED.places
     WHERE standing.version <= EXCLUDED.version
"""


async def save_statuses(executor: Executor, statuses: Collection[CaseStatus]) -> None:
    """Store the newest version of different cases; older versions change nothing."""
    *columns, departments, awaited, classes, places, _ = zip(
        *sorted(statuses, key=lambda each: each.case_id), strict=True
    )
    # unnest would flatten lists of lists.
    joined = [
        [" ".join(each) for each in departments],
        [None if reports is None else " ".join(reports) for reports in awaited],
        list(classes),
        [" ".join(each) for each in places],
    ]
    await executor.execute(_UPSERT_STATUSES, *(list(column) for column in columns), *joined)


# A statement of its own: few cases are complaints, and the others do not carry an empty column.
_UPDATE_COMPLAINED_OF: Final = """
    UPDATE standing
       SET complained_of = c.complained_of
      FROM unnest($1::text[], $2::bigint[], $3::text[]) AS c (case_id, version, complained_of)
     WHERE standing.case_id = c.case_id
       AND standing.version = c.version
"""


async def save_complained_of(executor: Executor, complaints: Collection[CaseStatus]) -> None:
    """Store of whom these cases complain, whose statuses are stored; older versions change nothing."""
    rows = [
        (each.case_id, each.version, each.complained_of) for each in sorted(complaints, key=lambda each: each.case_id)
    ]
    await executor.execute(_UPDATE_COMPLAINED_OF, *(list(column) for column in zip(*rows, strict=True)))


_INSERT_CASE_PHOTOS: Final = """
    INSERT INTO case_photo (ref, case_id)
    SELECT *
      FROM unnest($1::text[], $2::text[])
        ON CONFLICT DO NOTHING
"""


async def save_case_photos(executor: Executor, photos: Collection[tuple[str, str]]) -> None:
    """Record photos, each by its reference, with the case that each belongs to; doing so again changes nothing."""
    rows = sorted(photos)
    await executor.execute(_INSERT_CASE_PHOTOS, [ref for ref, _ in rows], [case_id for _, case_id in rows])


_INSERT_HOLDER: Final = """
    INSERT INTO photo (ref, holder, city, taken_at)
    SELECT ref, $2, $3, $4
      FROM unnest($1::text[]) AS ref
     ORDER BY ref
        ON CONFLICT (ref, holder) DO NOTHING
"""


async def save_photo_holder(
    executor: Executor, refs: Collection[str], *, holder: str, city: str, received_at: datetime
) -> None:
    """Record who uploaded these photos; doing so again changes nothing."""
    await executor.execute(_INSERT_HOLDER, sorted(set(refs)), holder, city, received_at)


_SELECT_MISSING: Final = """
    SELECT ref
      FROM unnest($1::text[]) AS ref
     WHERE NOT EXISTS (SELECT FROM photo p WHERE p.ref = ref.ref AND p.holder = ANY($2::text[]))
"""


async def find_missing_photos(executor: Executor, refs: Collection[str], *, holders: Collection[str]) -> set[str]:
    """Return the references under which none of these holders uploaded a photo."""
    return {row["ref"] for row in await executor.fetch(_SELECT_MISSING, list(refs), list(holders))}
