"""Dead letters as lists show them: newest first, by pages, without their content."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from paidan_chassis.database import Executor

DeadLetterState = Literal["waiting", "redriven", "dropped"]


class DeadLetterKey(NamedTuple):
    """The sort key of the list."""

    dead_lettered_at: AwareDatetime
    letter_id: UUID


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Which dead letters to list, and after which of them. None, or no state at all, stands for any."""

    letter_id: UUID | None = None
    consumer: str | None = None
    topic: str | None = None
    reason: str | None = None
    states: Sequence[DeadLetterState] = ()
    after: DeadLetterKey | None = None
    limit: int = 100


class DeadLetterItem(BaseModel, title="DeadLetter"):
    """A record that could not be processed, without its content, which may hold personal data."""

    letter_id: UUID
    consumer: str
    topic: str
    partition: int
    offset: int
    reason: str = Field(description="A code.")
    detail: str = Field(description="The invalid field; never a value.")
    sender: str | None = Field(description="Who sent it, as far as that is known.")
    attempts: int = Field(description="How often this record failed: 1, and 1 more for each redrive that led here.")
    dead_lettered_at: datetime
    state: DeadLetterState
    redriven_at: datetime | None
    redriven_to: int | None = Field(description="The offset at which it was appended again.")
    dropped_at: datetime | None
    dropped_by: str | None
    dropped_because: str | None


# A record that was redriven and failed again is a letter of its own, at the offset to which it was redriven.
SELECT_PAGE: Final = """
    WITH RECURSIVE page AS (
        SELECT letter_id, consumer, topic, partition, log_offset, reason, detail, sender, buried_at, state,
               redriven_at, redriven_to, dropped_at, dropped_by, dropped_because
          FROM dead_letter
          CROSS JOIN LATERAL (SELECT CASE WHEN dropped_at IS NOT NULL THEN 'dropped'
                                          WHEN redriven_at IS NOT NULL THEN 'redriven'
                                          ELSE 'waiting' END AS state) AS done
         WHERE ($1::uuid IS NULL OR letter_id = $1)
           AND ($2::text IS NULL OR consumer = $2)
           AND ($3::text IS NULL OR topic = $3)
           AND ($4::text IS NULL OR reason = $4)
           AND (cardinality($5::text[]) = 0 OR state = ANY($5))
           AND ($6::timestamptz IS NULL OR (buried_at, letter_id) < ($6, $7::uuid))
         ORDER BY buried_at DESC, letter_id DESC
         LIMIT $8),
    attempt AS (
        SELECT letter_id, consumer, topic, partition, log_offset
          FROM page
     UNION ALL
        SELECT attempt.letter_id, earlier.consumer, earlier.topic, earlier.partition, earlier.log_offset
          FROM attempt
          JOIN dead_letter AS earlier USING (consumer, topic, partition)
         WHERE earlier.redriven_to = attempt.log_offset
           AND earlier.log_offset < attempt.log_offset)
    SELECT letter_id, consumer, topic, partition, log_offset AS offset, reason, detail, sender,
           (SELECT count(*) FROM attempt WHERE attempt.letter_id = page.letter_id) AS attempts,
           buried_at AS dead_lettered_at, state, redriven_at, redriven_to, dropped_at, dropped_by, dropped_because
      FROM page
     ORDER BY buried_at DESC, letter_id DESC
"""


async def load_page(executor: Executor, chosen: DeadLetterFilter) -> list[DeadLetterItem]:
    """Return a page of dead letters, newest first."""
    rows = await executor.fetch(
        SELECT_PAGE,
        chosen.letter_id,
        chosen.consumer,
        chosen.topic,
        chosen.reason,
        list(chosen.states),
        *(chosen.after or (None, None)),
        chosen.limit,
    )
    return [DeadLetterItem(**dict(row)) for row in rows]
