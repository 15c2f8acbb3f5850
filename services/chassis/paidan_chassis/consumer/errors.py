"""Errors of applying a batch, sorted by what the consumer does next. What is not here is a bug and ends the process."""

from collections.abc import Collection
from typing import Final

import asyncpg
from aiokafka.errors import KafkaError

from paidan_chassis.consumer.batch import Lane
from paidan_chassis.database import DB_ERRORS, is_transient
from paidan_chassis.errors import ChassisError, Unacknowledged

SERVER_ERRORS: Final = (*DB_ERRORS, KafkaError, Unacknowledged)
"""Errors of PostgreSQL and Kafka; ``is_outage`` returns whether one is worth a retry."""

DATA_ERRORS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, UnicodeEncodeError)
"""Errors among which are those of data that PostgreSQL refuses; ``is_data_error`` returns whether one is."""

# Classes of SQLSTATE for invalid data: data exceptions, constraint violations, program limits exceeded.
_DATA_ERROR_CLASSES: Final = frozenset({"22", "23", "54"})


class AssignmentLost(Exception):
    """The lanes were revoked; their next owner continues."""


class LanesMoved(ChassisError):
    """Another owner has advanced these lanes: the state in memory, and every cache, is void."""

    def __init__(self, lanes: Collection[Lane]) -> None:
        super().__init__(", ".join(map(str, lanes)))
        self.lanes = lanes


class TopicsUnknown(ChassisError):
    """The number of partitions of these topics is not known yet: they are looked up, or created, outside of a batch."""

    def __init__(self, topics: Collection[str]) -> None:
        super().__init__(", ".join(sorted(topics)))
        self.topics = topics


class TooSlow(ChassisError):
    """The handler takes longer than a transaction may: the batch is taken in smaller ones."""


def is_data_error(error: BaseException) -> bool:
    """Return whether PostgreSQL, or the driver on its behalf, refuses the data, so that no retry can succeed."""
    match error:
        case asyncpg.PostgresError():
            return (error.sqlstate or "")[:2] in _DATA_ERROR_CLASSES
        case asyncpg.InterfaceError():
            return isinstance(error, ValueError)  # an argument that cannot be sent at all
        case _:
            return isinstance(error, UnicodeEncodeError)


def is_outage(error: BaseException) -> bool:
    """Return whether PostgreSQL or Kafka is only unavailable for a while."""
    return is_transient(error) or isinstance(error, (KafkaError, Unacknowledged))
