"""Dead letters of the sample consumer, awaited."""

from collections.abc import Sequence

from paidan_chassis.consumer import dead_letters
from paidan_chassis.consumer.dead_letters import StoredDeadLetter
from paidan_chassis.kafka.record_batch import ProducerRecord
from tests.chassis.consumer_harness import ConsumerHarness
from tests.chassis.foreign_records import append_records
from tests.polling import poll


async def dead_letters_for(
    harness: ConsumerHarness, records: Sequence[ProducerRecord], *, already: int = 0
) -> list[StoredDeadLetter]:
    """Append records, wait until all are dead-lettered, and return all dead letters in log order."""
    await append_records(harness, records)
    async with harness.run_in_process():

        async def all_of_them() -> bool:
            return await harness.dead_letter_count() == already + len(records)

        await poll(all_of_them, what=f"{already + len(records)} dead letters")
    async with harness.conn() as conn:
        return sorted(await dead_letters.load_oldest(conn), key=lambda each: each.offset)
