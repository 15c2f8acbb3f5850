"""``/v1/dead-letters``: lists, shows, redrives and drops the records that a service could not process."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query

from paidan_chassis.consumer import dead_letters
from paidan_chassis.consumer.dead_letter_pages import DeadLetterFilter, DeadLetterItem, DeadLetterKey, load_page
from paidan_chassis.consumer.dead_letters import StoredDeadLetter
from paidan_chassis.consumer.record_content import RecordContent
from paidan_chassis.consumer.redrive import NOT_WAITING, Obstacle, RedriveResult, redrive
from paidan_chassis.database import Connection, Executor
from paidan_chassis.edge import problems
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.audit import AccessEvent, log_access
from paidan_chassis.edge.cursors import CursorCodec, decode_after
from paidan_chassis.edge.problems import Problem
from paidan_chassis.edge.routes import create_router
from paidan_chassis.encryption import DecryptionFailed
from paidan_chassis.operations.context import OperatorContext
from paidan_chassis.operations.dead_letter_models import (
    DeadLetterDetail,
    DeadLetterList,
    DeadLetterQuery,
    DropRequest,
    LetterHeader,
    LetterId,
    NotRedriven,
    RedriveRequest,
    RedriveResponse,
)

LetterIdParam = Annotated[LetterId, Path()]
_CURSORS: Final = CursorCodec(DeadLetterKey)
_DECIDED_WITHIN_S: Final = 10.0
_SHOWN_HEADERS: Final = frozenset(
    {
        "ce_id",
        "ce_origin",
        "ce_partitionkey",
        "ce_previous",
        "ce_sequence",
        "ce_source",
        "ce_specversion",
        "ce_subject",
        "ce_time",
        "ce_type",
        "content-type",
    }
)
_MAX_REDRIVES: Final = 2
"""At once: each holds one of the edge's connections until its records are decided."""
_MAX_HEADERS: Final = 100
_MAX_HEADER_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class DeadLetterRoutes:
    """``/v1/dead-letters`` and what is below it."""

    context: OperatorContext
    _redrives: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MAX_REDRIVES))

    def router(self) -> APIRouter:
        """Return the router with these routes. ``name`` is released: operation ids are made from it."""
        router = create_router(prefix="/v1/dead-letters", tags=["operations"])
        router.add_api_route(
            "", self.list_letters, name="list_dead_letters", methods=["GET"],
            summary="Dead letters, newest first",
        )  # fmt: skip
        router.add_api_route(
            "/redrive", self.redrive_several, name="redrive_dead_letters", methods=["POST"],
            summary="Redrive several dead letters",
        )  # fmt: skip
        router.add_api_route(
            "/{letter_id}", self.show, name="show_dead_letter", methods=["GET"],
            summary="A dead letter with its headers",
        )  # fmt: skip
        router.add_api_route(
            "/{letter_id}/redrive", self.redrive_one, name="redrive_dead_letter", methods=["POST"],
            summary="Redrive a dead letter",
        )  # fmt: skip
        router.add_api_route(
            "/{letter_id}/drop", self.drop, name="drop_dead_letter", methods=["POST"],
            summary="Drop a dead letter",
        )  # fmt: skip
        return router

    async def list_letters(self, caller: Caller, query: Annotated[DeadLetterQuery, Query()]) -> DeadLetterList:
        """Return the records that this service could not process, without their content."""
        self.context.require_operator(caller)
        chosen = DeadLetterFilter(
            consumer=query.consumer,
            topic=query.topic,
            reason=query.reason,
            states=query.state,
            after=decode_after(_CURSORS, query.after),
            limit=query.limit,
        )
        page = await load_page(self.context.pool, chosen)
        last = page[-1] if len(page) == query.limit else None
        return DeadLetterList(
            dead_letters=page,
            after=_CURSORS.encode(DeadLetterKey(last.dead_lettered_at, last.letter_id)) if last else None,
        )

    async def show(self, caller: Caller, letter_id: LetterIdParam) -> DeadLetterDetail:
        """Return a dead letter with its headers; each look is logged. Its body is shown on a command line alone."""
        self.context.require_operator(caller)
        async with self.context.pool.acquire() as conn:
            item = await _find(conn, UUID(letter_id))
            [letter] = await dead_letters.load(conn, [item.letter_id])
            await self._log(conn, caller, "dead_letter_read", letter_id, _position_of(letter))
        return DeadLetterDetail(**dict(item), **self._content_of(letter))

    async def redrive_one(self, caller: Caller, letter_id: LetterIdParam) -> RedriveResponse:
        """Append the record unchanged to the partition that it came from, once, and wait until it is decided.

        One that fails again is answered with ``stopped_at``; 409 means that it was not appended.
        """
        self.context.require_operator(caller)
        result = await self._redrive(caller, [UUID(letter_id)])
        if result.skipped and result.skipped[0].code == "not_found":
            raise _no_such_letter()
        obstacles = [*result.skipped, *([result.stopped_at] if result.stopped_at and not result.redriven else [])]
        if obstacles:
            raise _refusal(obstacles[0].code, obstacles[0].message, obstacles[0].message_zh)
        return result

    async def redrive_several(self, caller: Caller, request: RedriveRequest) -> RedriveResponse:
        """Redrive dead letters in the log's order, each once the one before it is decided, to the first that fails."""
        self.context.require_operator(caller)
        return await self._redrive(caller, [UUID(each) for each in request.ids])

    async def drop(self, caller: Caller, letter_id: LetterIdParam, request: DropRequest) -> DeadLetterItem:
        """Take a dead letter off those that wait. It stays, with its content, and who dropped it, when and why.

        A repeat by the same caller for the same reason changes nothing.
        """
        self.context.require_operator(caller)
        async with self.context.pool.acquire() as conn, conn.transaction():
            dropped = await dead_letters.drop(conn, [UUID(letter_id)], by=_holder(caller), because=request.reason)
            item = await _find(conn, UUID(letter_id))
            is_repeat = (item.dropped_by, item.dropped_because) == (_holder(caller), request.reason)
            if not dropped and not is_repeat:
                raise _refusal(NOT_WAITING.code, NOT_WAITING.en, NOT_WAITING.zh)
            # Last: the log's lock is everybody's, and this letter may be in the hand of one who redrives it.
            await self._log(conn, caller, "dead_letter_dropped", letter_id, request.reason)
        return item

    async def _redrive(self, caller: Principal, ids: Sequence[UUID]) -> RedriveResponse:
        async def log_try(conn: Connection, letter: StoredDeadLetter) -> None:
            await self._log(conn, caller, "dead_letter_redriven", str(letter.letter_id), _position_of(letter))

        async with self._redrives, self.context.pool.acquire() as conn:
            known = set(await dead_letters.load_ids_to_redrive(conn, ids))
            try:
                result = await redrive(
                    conn,
                    self.context.publisher,
                    ids,
                    cipher=self.context.cipher,
                    waiting_only=True,
                    decided_within_s=_DECIDED_WITHIN_S,
                    record_try=log_try,
                )
            except DecryptionFailed:
                raise Problem(
                    503, "vault_locked", "the key of a dead letter is not configured; none was redriven",
                    "缺少某条死信的保险库密钥，未重投任何死信",
                ) from None  # fmt: skip
        return _to_response(result, [each for each in ids if each not in known])

    async def _log(self, executor: Executor, caller: Principal, kind: str, letter_id: str, detail: str) -> None:
        await log_access(executor, AccessEvent(kind, caller.name, caller.key_id, letter_id, detail))

    def _content_of(self, letter: StoredDeadLetter) -> dict[str, object]:
        if letter.ciphertext is None:
            return {"content": "not_stored", "headers": [], "body_bytes": None}
        try:
            content = dead_letters.decrypt(letter, self.context.cipher)
        except DecryptionFailed:
            return {"content": "other_key", "headers": [], "body_bytes": None}
        size = None if content.value is None else len(content.value)
        return {"content": "stored", "headers": _shown_headers(content), "body_bytes": size}


async def _find(executor: Executor, letter_id: UUID) -> DeadLetterItem:
    page = await load_page(executor, DeadLetterFilter(letter_id=letter_id))
    if not page:
        raise _no_such_letter()
    return page[0]


def _no_such_letter() -> Problem:
    return problems.not_found("there is no such dead letter", "无此死信")


def _position_of(letter: StoredDeadLetter) -> str:
    return f"{letter.topic}-{letter.partition}@{letter.offset}"


def _shown_headers(content: RecordContent) -> list[LetterHeader]:
    return [
        LetterHeader(
            name=_printable(name.encode(errors="surrogateescape")),
            value=_printable(value) if name in _SHOWN_HEADERS and value is not None else None,
        )
        for name, value in content.headers[:_MAX_HEADERS]
    ]


def _printable(data: bytes) -> str:
    return data.decode(errors="backslashreplace")[:_MAX_HEADER_LENGTH]


def _to_response(result: RedriveResult, unknown: Sequence[UUID]) -> RedriveResponse:
    skipped = [_not_redriven(letter.letter_id, obstacle) for letter, obstacle in result.skipped]
    skipped += [
        NotRedriven(letter_id=each, code="not_found", message="does not exist", message_zh="不存在") for each in unknown
    ]
    stopped_at = _not_redriven(result.stopped_at[0].letter_id, result.stopped_at[1]) if result.stopped_at else None
    return RedriveResponse(redriven=result.redriven, skipped=skipped, stopped_at=stopped_at)


def _not_redriven(letter_id: UUID, obstacle: Obstacle) -> NotRedriven:
    return NotRedriven(letter_id=letter_id, code=obstacle.code, message=obstacle.en, message_zh=obstacle.zh)


def _refusal(code: str, message: str, message_zh: str) -> Problem:
    return Problem(409, code, f"the dead letter {message}", f"该死信{message_zh}")


def _holder(caller: Principal) -> str:
    """Return the name of a key, which operators gave it; of a person the id, as in the access log."""
    return caller.name if caller.person is None else caller.key_id
