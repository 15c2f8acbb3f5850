"""A department's client over Kafka: a message counts as read once its answers are stored, not before."""

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self, TypeAlias, cast

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError
from pydantic import TypeAdapter, ValidationError

from paidan_contracts.actions import Action
from paidan_contracts.client.answers import action_id_of, build_answer
from paidan_contracts.orders import (
    AnswerRefused,
    Order,
    OrderEvent,
    OrderMessage,
    StandingOrderEnded,
    StandingOrderIssued,
)
from paidan_contracts.topics import answers_topic_of, orders_topic_of

DepartmentMessage: TypeAlias = OrderEvent | AnswerRefused | StandingOrderIssued | StandingOrderEnded
REMEMBERED_ORDERS: Final = 100_000
_MESSAGE: Final[TypeAdapter[DepartmentMessage]] = TypeAdapter(OrderMessage)
_UNKNOWN_TYPE: Final = frozenset({"union_tag_invalid"})
_log: Final = logging.getLogger(__name__)


class UnreadableMessage(Exception):
    """A message of a known type has a content that this version cannot read; nothing after it was committed."""

    def __init__(self, record: ConsumerRecord, fields: tuple[str, ...]) -> None:
        super().__init__(f"{record.topic}-{record.partition} at offset {record.offset}: {', '.join(fields)}")
        self.partition: int = record.partition
        self.offset: int = record.offset
        self.fields = fields


class DepartmentClient:
    """Reads a department's orders and sends its answers; loses none in a crash, and repeats change nothing.

    ``group`` is the department's id, or begins with it and a dot, where Kafka has ACLs. ``options`` are aiokafka's, for
    both its clients, such as ``security_protocol``.
    """

    def __init__(
        self,
        department: str,
        kafka: str,
        *,
        group: str | None = None,
        topic_prefix: str = "",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.department = department
        self._answers_topic = topic_prefix + answers_topic_of(department).name
        self._orders_topic = topic_prefix + orders_topic_of(department).name
        self._options = {"bootstrap_servers": kafka, **(options or {})}
        self._group = group or department
        self._exit_stack = AsyncExitStack()
        self._newest: OrderedDict[str, tuple[int, frozenset[str]]] = OrderedDict()
        self._unfinished: ConsumerRecord | None = None

    async def __aenter__(self) -> Self:
        """Connect; raises aiokafka's errors where Kafka cannot be reached or refuses the login."""
        async with AsyncExitStack() as stack:
            self._producer = AIOKafkaProducer(acks="all", enable_idempotence=True, **self._options)
            self._consumer = AIOKafkaConsumer(
                self._orders_topic,
                group_id=self._group,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                **self._options,
            )
            await stack.enter_async_context(self._producer)
            await stack.enter_async_context(self._consumer)
            self._exit_stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Disconnect. What was read last and not finished is delivered again."""
        await self._exit_stack.aclose()

    async def messages(self) -> AsyncIterator[DepartmentMessage]:
        """Yield orders, their changes, refused answers and standing orders, without end.

        Asking for the next one finishes the last. Only then is its offset committed: whoever crashes or breaks out
        before is given it again. An order's messages that are older than one yielded before are left out, as are
        repeats. Raises UnreadableMessage, and again for the same message when called again.
        """
        self._seek_unfinished()
        async for record in self._consumer:
            self._unfinished = record
            message = _decode(record)
            if message is not None and not self._is_repeat(message):
                yield message
                self._remember(message)
            await self._commit(record)
            self._unfinished = None

    async def answer(
        self, order: Order, action: Action, *, attempt: int = 1, occurred_at: datetime | None = None
    ) -> str:
        """Send an answer and return its action id once Kafka has stored it.

        Called again with the same order, kind and ``attempt`` it is the same answer, which changes nothing; after a
        refusal a new try needs a higher ``attempt``. Refusals come as messages.
        """
        answer = build_answer(order, action, attempt=attempt, occurred_at=occurred_at)
        body = answer.model_dump_json(exclude_none=True).encode()
        await self._producer.send_and_wait(self._answers_topic, body, key=order.case_id.encode())
        return action_id_of(self.department, answer)

    def _is_repeat(self, message: DepartmentMessage) -> bool:
        if not isinstance(message, OrderEvent):
            return False
        version, types = self._newest.get(message.order.order_id, (0, frozenset()))
        own = message.order.version
        return own < version or (own == version and _type_of(message) in types)

    def _remember(self, message: DepartmentMessage) -> None:
        if not isinstance(message, OrderEvent):
            return
        order = message.order
        version, types = self._newest.pop(order.order_id, (0, frozenset()))
        own = types if version == order.version else frozenset()
        self._newest[order.order_id] = order.version, own | {_type_of(message)}
        if len(self._newest) > REMEMBERED_ORDERS:
            self._newest.popitem(last=False)

    def _seek_unfinished(self) -> None:
        """Go back to the message that was not finished: the next one's commit would count it as read."""
        record, self._unfinished = self._unfinished, None
        if record is None:
            return
        # Another member of the group that has the partition now is given the message.
        with suppress(IllegalStateError):
            self._consumer.seek(TopicPartition(record.topic, record.partition), record.offset)

    async def _commit(self, record: ConsumerRecord) -> None:
        lane = TopicPartition(record.topic, record.partition)
        try:
            await self._consumer.commit({lane: record.offset + 1})
        except (CommitFailedError, IllegalStateError):
            # Another member of the group has the partition now and is given the message again.
            _log.warning("not committed: %s-%d at %d", record.topic, record.partition, record.offset)


def _type_of(message: OrderEvent) -> str:
    return str(getattr(message, "type", ""))


def _decode(record: ConsumerRecord) -> DepartmentMessage | None:
    """Return the message; None for one of a type that only a newer release knows."""
    try:
        return _MESSAGE.validate_json(cast("bytes", record.value or b""))
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        if {each["type"] for each in problems} == _UNKNOWN_TYPE:
            _log.warning("unknown type: %s-%d at %d", record.topic, record.partition, record.offset)
            return None
        # The error's own text quotes the message.
        fields = tuple(".".join(str(part) for part in each["loc"]) or each["type"] for each in problems)
        raise UnreadableMessage(record, fields) from None
