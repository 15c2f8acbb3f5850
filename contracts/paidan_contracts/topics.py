"""Every topic: who writes it, who reads it, how it is keyed, how long it is kept."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Generic, TypeVar

from .actions import ActionRequested, Answer
from .cases import CaseEvent, CaseStep
from .dead_letters import RecordBuried
from .inbox import CityInForce, TimerDue
from .orders import AnswerRefused, OrderEvent, OrderMessage
from .outcomes import OutcomeDecided
from .reports import AlarmRaised, ReportReceived
from .scores import ScoreUpdated
from .wire import Said

E_co = TypeVar("E_co", bound=Said, covariant=True)

EVER: Final = None
"""Kept for ever."""


@dataclass(frozen=True)
class Topic(Generic[E_co]):
    """A topic and what may be said on it: putting another event on it is a type error."""

    name: str
    key: str
    partitions: int
    kept_for: timedelta | None
    written_by: tuple[str, ...]
    read_by: tuple[str, ...]
    says: tuple[object, ...]
    compacted: bool = False

    def under(self, prefix: str) -> str:
        """Give the topic's name in an installation that sets its topics apart by a prefix."""
        return prefix + self.name

    def config(self) -> dict[str, str]:
        """Give the broker's settings for it; append time is the broker's, for deeds are judged by it."""
        kept_ms = -1 if self.kept_for is None else int(self.kept_for / timedelta(milliseconds=1))
        return {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "retention.ms": str(kept_ms),
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(LARGEST_MESSAGE),
        }


LARGEST_MESSAGE: Final = 1_048_576
"""Bytes. A value that would not fit is refused before it enters an outbox."""

ALARMS: Final = Topic[AlarmRaised](
    name="paidan.alarms",
    key="camera",
    partitions=4,
    kept_for=timedelta(days=3),
    written_by=("intake", "camera platforms"),
    read_by=("intake",),
    says=(AlarmRaised,),
)
INBOX: Final = Topic[ReportReceived | ActionRequested | TimerDue | CityInForce](
    name="paidan.inbox",
    key="area",
    partitions=4,
    kept_for=timedelta(days=90),
    written_by=("intake", "dispatch", "paidan city publish"),
    read_by=("dispatch",),
    says=(ReportReceived, ActionRequested, TimerDue, CityInForce),
)
CASES: Final = Topic[CaseEvent](
    name="paidan.cases",
    key="case_id",
    partitions=4,
    kept_for=EVER,
    written_by=("dispatch",),
    read_by=("scoring", "intake", "monitoring", "anyone"),
    says=(CaseStep,),
)
OUTCOMES: Final = Topic[OutcomeDecided](
    name="paidan.outcomes",
    key="id",
    partitions=4,
    kept_for=timedelta(days=30),
    written_by=("dispatch", "intake"),
    read_by=("intake", "dispatch"),
    says=(OutcomeDecided,),
)
SCORES: Final = Topic[ScoreUpdated](
    name="paidan.scores",
    key="score_id",
    partitions=1,
    kept_for=EVER,
    written_by=("scoring",),
    read_by=("monitoring", "departments"),
    says=(ScoreUpdated,),
    compacted=True,
)
DEAD_LETTERS: Final = Topic[RecordBuried](
    name="paidan.dead-letters",
    key="topic-partition",
    partitions=1,
    kept_for=timedelta(days=30),
    written_by=("intake", "dispatch", "scoring"),
    read_by=("operators",),
    says=(RecordBuried,),
)
TOPICS: Final[tuple[Topic[Said], ...]] = (ALARMS, INBOX, CASES, OUTCOMES, SCORES, DEAD_LETTERS)

ORDERS_PREFIX: Final = "paidan.orders."
ANSWERS_PREFIX: Final = "paidan.answers."


def orders_of(department: str) -> Topic[OrderEvent | AnswerRefused]:
    """Give the topic on which one department, alone, is told what to do."""
    return Topic(
        name=ORDERS_PREFIX + department,
        key="case_id",
        partitions=1,
        kept_for=timedelta(days=30),
        written_by=("dispatch",),
        read_by=(department,),
        says=(OrderMessage,),
    )


def answers_of(department: str) -> Topic[Answer]:
    """Give the topic on which one department, alone, answers."""
    return Topic(
        name=ANSWERS_PREFIX + department,
        key="case_id",
        partitions=1,
        kept_for=timedelta(days=30),
        written_by=(department,),
        read_by=("dispatch",),
        says=(Answer,),
    )


def topic_named(name: str) -> Topic[Said]:
    """Find the topic of this name, a department's own included; raises ``LookupError`` where nobody declared it."""
    for topic in TOPICS:
        if topic.name == name:
            return topic
    if name.startswith(ORDERS_PREFIX):
        return orders_of(name.removeprefix(ORDERS_PREFIX))
    if name.startswith(ANSWERS_PREFIX):
        return answers_of(name.removeprefix(ANSWERS_PREFIX))
    raise LookupError(f"no topic is called {name}")
