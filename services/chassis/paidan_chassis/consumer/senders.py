"""The limit of dead letters per sender: who sent a record, and which of a sender's dead letters are kept.

A sender beyond its limit is set aside: its dead letters are counted, and one in many is kept; what it sends that can be
applied is applied, in order. What is kept depends on the log alone, so a replay keeps the same.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, TypeAlias

from paidan_chassis.consumer.batch import DeadLetter, Lane, Record
from paidan_chassis.consumer.config import Subscription
from paidan_chassis.consumer.positions import lane_columns
from paidan_chassis.database import Connection
from paidan_chassis.observability.logs import get_logger

HOUR: Final = timedelta(hours=1)
KEPT_ONE_IN: Final = 1000
MAX_SENDERS: Final = 100
"""Of a lane in an hour. Who writes records can name as many senders as he likes; the rest count as unknown."""
_MAX_NAME_LENGTH: Final = 100
_MAX_PARSED_BYTES: Final = 100_000

_log = get_logger()


class SenderHour(NamedTuple):
    """One sender's dead letters in one lane within an hour, as stored."""

    sender: str
    started_at: datetime
    """When the broker appended the first of them."""
    dead_letters: int = 0
    counted: int = 0
    """Those beyond the limit that are not kept."""
    first_offset: int | None = None
    last_offset: int | None = None
    """Of those that are not kept."""

    def covers(self, appended_at: datetime) -> bool:
        """Return whether a record belongs to this hour; a broker's clock may go back a little."""
        return appended_at < self.started_at + HOUR

    def with_one_more(self, offset: int, *, limit: int) -> "tuple[SenderHour, bool]":
        """Return the hour with one dead letter more, and whether that is kept."""
        number = self.dead_letters + 1
        if number <= limit or (number - limit) % KEPT_ONE_IN == 0:
            return self._replace(dead_letters=number), True
        first_offset = offset if self.first_offset is None else self.first_offset
        changed = self._replace(
            dead_letters=number, counted=self.counted + 1, first_offset=first_offset, last_offset=offset
        )
        return changed, False


SenderHours: TypeAlias = dict[tuple[Lane, str], SenderHour]


def sender_of(record: Record, subscription: Subscription) -> str:
    """Return who sent a record: the topic's own name below a prefix, its principal, its source, or ``unknown:<topic>``.

    Kafka shows a consumer no principal: ``Subscription.principal_of`` is for installations whose broker or proxy puts
    it into a header that clients cannot set.
    """
    return known_sender_of(record, subscription) or f"unknown:{record.topic}"


def known_sender_of(record: Record, subscription: Subscription) -> str | None:
    """Return who sent a record, as far as it is known."""
    for prefix in subscription.prefixes:
        if record.topic.startswith(prefix):
            return record.topic.removeprefix(prefix)
    principal = subscription.principal_of(record) if subscription.principal_of else None
    return principal or _claimed_source(record)


def _claimed_source(record: Record) -> str | None:
    header = next((value for name, value in record.headers if name == "ce_source"), None)
    claimed = header.decode(errors="replace") if header else _source_in_body(record.value)
    is_name = isinstance(claimed, str) and claimed.isprintable() and 0 < len(claimed.strip()) <= _MAX_NAME_LENGTH
    return claimed.strip() if is_name else None


def _source_in_body(value: bytes | None) -> Any:  # noqa: ANN401 - as its sender wrote it
    if value is None or len(value) > _MAX_PARSED_BYTES:
        return None
    try:
        body = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return body.get("source") if isinstance(body, dict) else None


def select_from(
    dead_letters: Iterable[DeadLetter], hours: SenderHours, subscription: Subscription
) -> tuple[list[DeadLetter], SenderHours]:
    """Return the dead letters to keep, and the hours that changed. Wherever Kafka cuts a batch, the same are kept."""
    limit = subscription.tuning.dead_letter_limit
    kept: list[DeadLetter] = []
    changed: SenderHours = {}
    for each in sorted(dead_letters, key=lambda each: each.record[:3]):
        lane, appended_at = each.record.lane, each.record.appended_at
        sender = _bounded(sender_of(each.record, subscription), lane, appended_at, hours)
        hour = hours.get((lane, sender))
        if hour is None or not hour.covers(appended_at):
            hour = SenderHour(sender, appended_at)
        hour, is_kept = hour.with_one_more(each.record.offset, limit=limit)
        hours[lane, sender] = changed[lane, sender] = hour
        if is_kept:
            kept.append(each)
    return kept, changed


def _bounded(sender: str, lane: Lane, appended_at: datetime, hours: Mapping[tuple[Lane, str], SenderHour]) -> str:
    known = {name for (where, name), hour in hours.items() if where == lane and hour.covers(appended_at)}
    return sender if sender in known or len(known) < MAX_SENDERS else f"unknown:{lane.topic}"


SELECT_HOURS: Final = """
    SELECT DISTINCT ON (topic, partition, sender)
           topic, partition, sender, started_at, dead_letters, counted, first_offset, last_offset
      FROM sender_hour
     WHERE consumer = $1
       AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::integer[]))
       AND started_at > $4
     ORDER BY topic, partition, sender, started_at DESC
"""
UPSERT_HOUR: Final = """
    INSERT INTO sender_hour (consumer, topic, partition, sender, started_at, dead_letters, counted, first_offset,
                             last_offset)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (consumer, topic, partition, sender, started_at) DO UPDATE
       SET dead_letters = excluded.dead_letters,
           counted = excluded.counted,
           first_offset = excluded.first_offset,
           last_offset = excluded.last_offset
"""
# An hour in which every record was kept says nothing that the letters do not.
DELETE_PAST_HOURS: Final = """
    DELETE FROM sender_hour
     WHERE consumer = $1
       AND counted = 0
       AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::integer[]))
       AND started_at < $4
"""


async def select_kept(
    conn: Connection, subscription: Subscription, dead_letters: Sequence[DeadLetter]
) -> list[DeadLetter]:
    """Count dead letters in the batch's transaction, and return those to keep."""
    lanes = lane_columns({each.record.lane for each in dead_letters})
    since = min(each.record.appended_at for each in dead_letters) - HOUR
    rows = await conn.fetch(SELECT_HOURS, subscription.name, *lanes, since)
    hours = {(Lane(row["topic"], row["partition"]), row["sender"]): SenderHour(*list(row.values())[2:]) for row in rows}
    before = {key for key, hour in hours.items() if hour.counted}
    kept, changed = select_from(dead_letters, hours, subscription)
    await conn.executemany(UPSERT_HOUR, [(subscription.name, *lane, *hour) for (lane, _), hour in changed.items()])
    await conn.execute(DELETE_PAST_HOURS, subscription.name, *lanes, since)
    for (lane, sender), hour in changed.items():
        if hour.counted and (lane, sender) not in before:
            _log.warning("sender_set_aside", consumer=subscription.name, lane=str(lane), sender=sender)
    return kept


class SetAsideSender(NamedTuple):
    """A sender that is set aside now, over all lanes."""

    consumer: str
    topic: str
    sender: str
    counted: int
    """Records of this hour that are neither applied nor kept."""
    first_offset: int
    last_offset: int
    partitions: list[int]


SELECT_SET_ASIDE: Final = """
    SELECT consumer, topic, sender, sum(counted)::bigint AS counted, min(first_offset) AS first_offset,
           max(last_offset) AS last_offset, array_agg(DISTINCT partition ORDER BY partition) AS partitions
      FROM sender_hour
     WHERE consumer = coalesce($1, consumer)
       AND counted > 0
       AND started_at > clock_timestamp() - interval '1 hour'
     GROUP BY consumer, topic, sender
     ORDER BY counted DESC, consumer, topic, sender
     LIMIT $2
"""


async def set_aside_senders(
    conn: Connection, consumer: str | None = None, *, limit: int = MAX_SENDERS
) -> list[SetAsideSender]:
    """Return the senders that are set aside now, of one consumer or of all in this schema, the worst first."""
    return [SetAsideSender(*row.values()) for row in await conn.fetch(SELECT_SET_ASIDE, consumer, limit)]
