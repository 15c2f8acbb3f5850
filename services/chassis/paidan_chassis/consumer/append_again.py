"""Appends a dead letter's record to its partition once, whoever dies in between and whoever else tries it too."""

from typing import Final

from paidan_chassis.consumer.dead_letters import StoredDeadLetter
from paidan_chassis.database import Connection
from paidan_chassis.kafka.log_search import find_record
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.kafka.record_batch import ProducerRecord

# Stored before the record is appended: who finds a try without an outcome searches the log from there. No record that
# is appended later lies before the lane's position.
BEGIN_TRY: Final = """
    UPDATE dead_letter AS letter
       SET redrive_tries = letter.redrive_tries + 1,
           redrive_from = coalesce(
               letter.redrive_from,
               (SELECT greatest(next_offset, 0)
                  FROM lane
                 WHERE lane.consumer = letter.consumer
                   AND lane.topic = letter.topic
                   AND lane.partition = letter.partition),
               0)
     WHERE letter_id = (SELECT letter_id FROM dead_letter WHERE letter_id = $1 FOR UPDATE SKIP LOCKED)
 RETURNING redrive_tries, redrive_from
"""
LOCK_LETTER: Final = """
    SELECT redrive_tries, redriven_at, dropped_at
      FROM dead_letter
     WHERE letter_id = $1
       FOR UPDATE SKIP LOCKED
"""
# No lane waits for the row of a letter, and Kafka may take longer than a fenced transaction may.
ALLOW_WAITING_FOR_KAFKA: Final = "SET LOCAL idle_in_transaction_session_timeout = '60s'"
MARK_REDRIVEN: Final = """
    UPDATE dead_letter
       SET redriven_at = clock_timestamp(),
           redriven_to = $2,
           redrive_tries = 0,
           redrive_from = NULL
     WHERE letter_id = $1
"""


async def append_again(
    conn: Connection, publisher: Publisher, letter: StoredDeadLetter, record: ProducerRecord
) -> int | None:
    """Append a letter's record, mark the letter, and return the offset; None when somebody else has it in hand.

    Where a try before this one has no outcome, its record is looked for in the log, and appended only if it is not
    there. Raises ``Unacknowledged``; the letter waits as before.
    """
    begun = await conn.fetchrow(BEGIN_TRY, letter.letter_id)
    if begun is None:
        return None
    async with conn.transaction():
        await conn.execute(ALLOW_WAITING_FOR_KAFKA)
        found = await conn.fetchrow(LOCK_LETTER, letter.letter_id)
        if found is None or (found["redriven_at"], found["dropped_at"]) != (letter.redriven_at, letter.dropped_at):
            return None
        offset = None
        if found["redrive_tries"] > 1:
            offset = await find_record(publisher.kafka, record, from_offset=begun["redrive_from"])
        if offset is None:
            offset = await publisher.append(record)
        await conn.execute(MARK_REDRIVEN, letter.letter_id, offset)
    return offset
