"""The options of a sample consumer, and the ends that they may bring about."""

import json
import os
import signal
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from typing import Literal

from pydantic import SecretStr

from paidan_chassis.consumer.config import ConsumerTuning, Subscription
from paidan_chassis.database import Pool, open_pool
from paidan_chassis.kafka.cluster import KafkaCluster, TopicSpec
from tests import vault

SCHEMA = "ledger"
KillPoint = Literal["", "applying", "before_send", "amid_send", "after_send"]
PARTITIONS = 3
ECHO_PARTITIONS = 5
"""Another number, so that what one batch says from one lane goes to several."""


@dataclass(frozen=True, slots=True)
class ConsumerOptions:
    """The options of a sample consumer, passed on its command line."""

    kafka: str
    prefix: str
    dsn: str
    topics: tuple[str, ...] = ("in",)
    prefixes: tuple[str, ...] = ()
    name: str = "ledger"
    prepares: bool = False
    """Small batches are written by one statement."""
    kill_point: KillPoint = ""
    kill_after: int = 0
    sleep_s: float = 0.0
    slow_s: float = 0.0
    sql_sleep_s: float = 0.0
    waits_at: int = 0
    max_records: int = 100
    dead_letter_limit: int = 100
    written_by_others: bool = False
    reads_everything: bool = False
    """Nothing is a dead letter: what was wrong with the handler is mended."""
    unreadable_word: str = ""
    """Only bodies with this word are unreadable."""
    stalls_after_s: float = 60.0
    compare_every_s: float = 3.0
    lock_wait_s: float = 2.0
    session_timeout_ms: int = 6000
    idle_in_transaction_s: float = 5.0
    sticks_after: int = 0
    """After so many records aiokafka's clients answer no question about offsets any more."""
    stops_polling_after: int = 0
    """After so many records the client that has read them returns none any more; another one would."""

    def argument(self) -> str:
        return json.dumps(asdict(self))

    def open_pool(self) -> "AbstractAsyncContextManager[Pool]":
        idle_s = self.idle_in_transaction_s
        return open_pool(SecretStr(self.dsn), schema=SCHEMA, size=4, idle_in_transaction_s=idle_s)

    def cluster(self) -> KafkaCluster:
        return KafkaCluster(
            self.kafka,
            self.prefix,
            topic_spec=lambda topic: TopicSpec(ECHO_PARTITIONS if topic == "echo" else PARTITIONS),
        )

    def subscription(self) -> Subscription:
        tuning = ConsumerTuning(
            max_records=self.max_records,
            dead_letter_limit=self.dead_letter_limit,
            stalls_after_s=self.stalls_after_s,
            compare_interval_s=self.compare_every_s,
            lock_wait_s=self.lock_wait_s,
            session_timeout_ms=self.session_timeout_ms,
            idle_in_transaction_s=self.idle_in_transaction_s,
        )
        return Subscription(
            self.name,
            topics=tuple(self.topics),
            prefixes=tuple(self.prefixes),
            tuning=tuning,
            written_by_others=self.written_by_others,
            cipher=vault.build_cipher(),
        )


def kill_self() -> None:
    """Kill this process with SIGKILL, so that nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)
