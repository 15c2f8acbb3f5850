"""``/v1/halts``: lists what stands halted in a service, and lifts a halt once its cause is fixed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from paidan_chassis.consumer import halts
from paidan_chassis.consumer.halts import RecordedHalt, ResumeFrom
from paidan_chassis.edge import problems
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.audit import AccessEvent, log_access
from paidan_chassis.edge.problems import Problem
from paidan_chassis.edge.routes import create_router
from paidan_chassis.operations.context import OperatorContext
from paidan_chassis.operations.resume_advice import advice_for

HaltIdParam = Annotated[int, Path(ge=1, le=2**63 - 1)]


class HaltItem(BaseModel, title="Halt"):
    """A consumer that stands halted, and what it needs."""

    halt_id: int
    consumer: str
    reason: str = Field(description="A code.")
    detail: str = Field(description="What happened, with the lane if it is about one.")
    detail_zh: str
    halted_at: datetime
    needs: str = Field(description="What to do before it is resumed.")
    needs_zh: str
    at: list[ResumeFrom] = Field(description="Where to continue: those that suit this reason, the likeliest first.")


class HaltList(BaseModel):
    """The open halts of this service, oldest first."""

    halts: list[HaltItem]


class ResumeRequest(BaseModel):
    """From where the halted consumer continues."""

    model_config = ConfigDict(extra="forbid")

    at: ResumeFrom = Field(
        description="`kept`: at the stored offsets, in the log as it is now; `start`, `end`: at the log's start or end."
    )


class ResumeResponse(BaseModel, title="ResumedHalt"):
    """A halt that was lifted. Its loop continues within a second."""

    halt_id: int
    consumer: str
    at: ResumeFrom


@dataclass(frozen=True, slots=True)
class HaltRoutes:
    """``/v1/halts`` and ``/v1/halts/{halt_id}/resume``."""

    context: OperatorContext

    def router(self) -> APIRouter:
        """Return the router with these routes. ``name`` is released: operation ids are made from it."""
        router = create_router(prefix="/v1/halts", tags=["operations"])
        router.add_api_route("", self.list_halts, name="list_halts", methods=["GET"], summary="What stands halted")
        router.add_api_route(
            "/{halt_id}/resume", self.resume, name="resume_halt", methods=["POST"], summary="Lift a halt"
        )
        return router

    async def list_halts(self, caller: Caller) -> HaltList:
        """Return the consumers that stand halted, why, since when, and what each needs before it is resumed."""
        self.context.require_operator(caller)
        async with self.context.pool.acquire() as conn:
            return HaltList(halts=[_to_item(each) for each in await halts.open_halts(conn)])

    async def resume(self, caller: Caller, halt_id: HaltIdParam, request: ResumeRequest) -> ResumeResponse:
        """Lift this halt, and none that came after it. Fix its cause first: else the loop halts again."""
        self.context.require_operator(caller)
        async with self.context.pool.acquire() as conn, conn.transaction():
            halt = await halts.find(conn, halt_id)
            if halt is None:
                raise problems.not_found("there is no such halt", "无此停机")
            if not await halts.resume(conn, halt.consumer, resume_from=request.at, halt_id=halt_id):
                raise Problem(409, "not_halted", "this halt was lifted already", "该停机已清除")
            # Last: while this waits for the lanes, nobody else's entry would wait for the log's chain.
            detail = f"{halt.consumer} ({halt.reason}) at {request.at}"
            await log_access(conn, AccessEvent("halt_resumed", caller.name, caller.key_id, str(halt_id), detail))
        return ResumeResponse(halt_id=halt_id, consumer=halt.consumer, at=request.at)


def _to_item(halt: RecordedHalt) -> HaltItem:
    detail, _, detail_zh = halt.detail.partition(" | ")
    advice = advice_for(halt.reason)
    return HaltItem(
        halt_id=halt.halt_id,
        consumer=halt.consumer,
        reason=halt.reason,
        detail=detail,
        detail_zh=detail_zh or detail,
        halted_at=halt.halted_at,
        needs=advice.en,
        needs_zh=advice.zh,
        at=list(advice.at),
    )
