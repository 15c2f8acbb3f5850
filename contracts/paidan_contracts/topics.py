"""Every topic: its key, partitions, retention, writers, readers and events."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Generic, TypeVar

from paidan_contracts.actions import ActionRequested, Answer
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.cases import AnyCaseEvent
from paidan_contracts.checks import ConservationChecked
from paidan_contracts.dead_letters import RecordDeadLettered
from paidan_contracts.emergencies import (
    EmergencyDeclared,
    EmergencyDue,
    EmergencyEnded,
    EmergencyInForce,
    EmergencyOver,
    EmergencyPortion,
    EmergencyRecord,
)
from paidan_contracts.inbox import CityInForce, PhotoStored, ReleaseInForce, TimerDue
from paidan_contracts.orders import (
    AnswerRefused,
    OrderEvent,
    OrderMessage,
    StandingOrderEnded,
    StandingOrderIssued,
)
from paidan_contracts.outcomes import OutcomeDecided, ReportReplied
from paidan_contracts.patrol_tasks import TaskEvent, TaskMessage
from paidan_contracts.reports import AlarmRaised, ReportReceived
from paidan_contracts.scores import ScoreUpdated
from paidan_contracts.wire import WireModel

EventT_co = TypeVar("EventT_co", bound=WireModel, covariant=True)

FOREVER: Final = None
"""Retention without an end."""


@dataclass(frozen=True)
class Topic(Generic[EventT_co]):
    """A topic and the events on it; publishing another event to it is a type error."""

    name: str
    key: str
    partitions: int
    retention: timedelta | None
    written_by: tuple[str, ...]
    read_by: tuple[str, ...]
    event_types: tuple[object, ...]
    compacted: bool = False

    def prefixed(self, prefix: str) -> str:
        """Return the topic's name on a Kafka cluster where ours begin with a prefix."""
        return prefix + self.name

    @property
    def config(self) -> dict[str, str]:
        """Return the topic's settings for Kafka.

        Timestamps are set by the broker, because time limits are judged by them.
        """
        retention_ms = -1 if self.retention is None else int(self.retention / timedelta(milliseconds=1))
        return {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "retention.ms": str(retention_ms),
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(MAX_MESSAGE_BYTES),
        }


MAX_MESSAGE_BYTES: Final = 1_048_576
"""A larger value is refused before it enters an outbox."""

ALARMS: Final = Topic[AlarmRaised](
    name="paidan.alarms",
    key="camera",
    partitions=4,
    retention=timedelta(days=3),
    written_by=("intake", "camera platforms"),
    read_by=("intake",),
    event_types=(AlarmRaised,),
)
INBOX: Final = Topic[
    ReportReceived | ActionRequested | TimerDue | CityInForce | PhotoStored | ReleaseInForce | EmergencyRecord
](
    name="paidan.inbox",
    key="area",
    partitions=4,
    retention=timedelta(days=90),
    written_by=("intake", "dispatch", "paidan city publish", "paidan prepare"),
    read_by=("dispatch",),
    event_types=(
        ReportReceived,
        ActionRequested,
        TimerDue,
        CityInForce,
        PhotoStored,
        ReleaseInForce,
        EmergencyInForce,
        EmergencyOver,
        EmergencyDue,
        EmergencyPortion,
    ),
)
CASES: Final = Topic[CaseEvent](
    name="paidan.cases",
    key="case_id",
    partitions=4,
    retention=FOREVER,
    written_by=("dispatch",),
    read_by=("scoring", "intake", "cockpit", "monitoring", "anyone"),
    event_types=(AnyCaseEvent,),
)
OUTCOMES: Final = Topic[OutcomeDecided | ReportReplied](
    name="paidan.outcomes",
    key="id",
    partitions=4,
    retention=timedelta(days=30),
    written_by=("dispatch", "intake"),
    read_by=("intake", "dispatch", "cockpit"),
    event_types=(OutcomeDecided, ReportReplied),
)
SCORES: Final = Topic[ScoreUpdated](
    name="paidan.scores",
    key="score_id",
    partitions=1,
    retention=FOREVER,
    written_by=("scoring",),
    read_by=("cockpit", "monitoring", "departments"),
    event_types=(ScoreUpdated,),
    compacted=True,
)
DEAD_LETTERS: Final = Topic[RecordDeadLettered](
    name="paidan.dead-letters",
    key="topic-partition",
    partitions=1,
    retention=timedelta(days=30),
    written_by=("intake", "dispatch", "scoring", "cockpit"),
    read_by=("operators",),
    event_types=(RecordDeadLettered,),
)
CHECKS: Final = Topic[ConservationChecked](
    name="paidan.checks",
    key="check",
    partitions=1,
    retention=timedelta(days=365),
    written_by=("paidan verify",),
    read_by=("cockpit", "monitoring", "operators"),
    event_types=(ConservationChecked,),
)
TASKS: Final = Topic[TaskEvent](
    name="paidan.tasks",
    key="case_id",
    partitions=1,
    retention=timedelta(days=30),
    written_by=("dispatch",),
    read_by=("applications of patrols",),
    event_types=(TaskMessage,),
)
EMERGENCIES: Final = Topic[EmergencyDeclared | EmergencyEnded](
    name="paidan.emergencies",
    key="city",
    partitions=1,
    retention=FOREVER,
    written_by=("dispatch",),
    read_by=("departments", "monitoring", "anyone"),
    event_types=(EmergencyDeclared, EmergencyEnded),
)
TOPICS: Final[tuple[Topic[WireModel], ...]] = (
    ALARMS, INBOX, CASES, OUTCOMES, SCORES, DEAD_LETTERS, CHECKS, TASKS, EMERGENCIES
)  # fmt: skip

ALARMS_PREFIX: Final = "paidan.alarms."
ORDERS_PREFIX: Final = "paidan.orders."
ANSWERS_PREFIX: Final = "paidan.answers."


def alarms_topic_of(source: str) -> Topic[AlarmRaised]:
    """Return the topic to which a source, and no other, may write its alarms; intake writes what came over HTTP."""
    return Topic(
        name=ALARMS_PREFIX + source,
        key="camera",
        partitions=1,
        retention=ALARMS.retention,
        written_by=("intake", source),
        read_by=("intake",),
        event_types=(AlarmRaised,),
    )


def orders_topic_of(department: str) -> Topic[OrderEvent | AnswerRefused | StandingOrderIssued | StandingOrderEnded]:
    """Return the topic on which a department, and no other, receives its orders."""
    return Topic(
        name=ORDERS_PREFIX + department,
        key="case_id",
        partitions=1,
        retention=timedelta(days=30),
        written_by=("dispatch",),
        read_by=(department,),
        event_types=(OrderMessage,),
    )


def answers_topic_of(department: str) -> Topic[Answer]:
    """Return the topic to which a department, and no other, writes its answers."""
    return Topic(
        name=ANSWERS_PREFIX + department,
        key="case_id",
        partitions=1,
        retention=timedelta(days=30),
        written_by=(department,),
        read_by=("dispatch",),
        event_types=(Answer,),
    )


def find_topic(name: str) -> Topic[WireModel]:
    """Return the topic of this name, also one of a department or source; raise ``LookupError`` for any other name."""
    for topic in TOPICS:
        if topic.name == name:
            return topic
    if name.startswith(ALARMS_PREFIX):
        return alarms_topic_of(name.removeprefix(ALARMS_PREFIX))
    if name.startswith(ORDERS_PREFIX):
        return orders_topic_of(name.removeprefix(ORDERS_PREFIX))
    if name.startswith(ANSWERS_PREFIX):
        return answers_topic_of(name.removeprefix(ANSWERS_PREFIX))
    raise LookupError(f"unknown topic {name}")
