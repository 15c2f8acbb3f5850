"""Records as other clients on the cluster might append them."""

from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.util import calc_crc32c

from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.kafka.record_batch import ProducerRecord
from tests.chassis.consumer_harness import ConsumerHarness


async def append_records(harness: ConsumerHarness, records: Sequence[ProducerRecord]) -> None:
    """Append records as any client on the cluster might."""
    async with Publisher(harness.options.cluster(), client_id="foreign") as publisher:
        await publisher.topic_admin.ensure(["in"])
        await publisher.send_in_order(records)


async def append_non_utf8_header_name(harness: ConsumerHarness, value: bytes) -> None:
    """Append a record to the first lane as a client in another language may; no Python client can."""
    producer = AIOKafkaProducer(bootstrap_servers=harness.options.kafka, acks="all")
    await producer.start()
    batch = _batch_with_non_utf8_header_name(producer, value)
    await (await producer.send_batch(batch, harness.options.cluster().prefixed("in"), partition=0))
    await producer.stop()


def _batch_with_non_utf8_header_name(producer: AIOKafkaProducer, value: bytes) -> BatchBuilder:
    batch = producer.create_batch()
    batch.append(key=b"k", value=value, timestamp=None, headers=[("plain", b"1"), ("XX", b"2")])
    raw = bytearray(batch._build())  # noqa: SLF001 - there is no other way to the bytes
    at = raw.index(b"XX")
    raw[at : at + 2] = b"\xff\xfe"
    raw[17:21] = calc_crc32c(bytes(raw[21:])).to_bytes(4, "big")
    batch._buffer = bytes(raw)  # noqa: SLF001
    return batch
