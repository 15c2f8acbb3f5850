"""Sends steps through the two doors in order, and asks what became of each."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx

from paidan_contracts import ids
from paidan_deploy.errors import DeployError

from .requests import Door, Step, runs

_LINES: Final = 500
_LOOKED_UP: Final = 1000
_TRIES: Final = 8
_TOO_MANY: Final = 429


class Undecided(DeployError):
    """Everything is sent, and the decisions do not come."""

    def __init__(self) -> None:
        super().__init__("dispatch decided nothing for a minute; `paidan status` may say why")


@dataclass(frozen=True, slots=True)
class Doors:
    """Where the doors are, and the key that opens both."""

    intake: str
    dispatch: str
    token: str

    def of(self, door: Door) -> str:
        """Give the address that takes a batch of lines."""
        return f"{self.intake}/v1/tickets/batch" if door == "reports" else f"{self.dispatch}/v1/actions/batch"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A step that was not taken, with the words of whoever refused it."""

    line: int
    what: str
    code: str
    message: str


@dataclass(slots=True)
class Sent:
    """What the doors took, by the id under which its outcome will stand."""

    taken: dict[str, Step] = field(default_factory=dict)
    areas: dict[str, str] = field(default_factory=dict)
    """Of each report that was taken: where intake found it to be."""
    refused: list[Refusal] = field(default_factory=list)
    ahead: dict[int, str] = field(default_factory=dict)
    """Of each line that reports what is yet to come, by the city's clock: the time that its report was given."""

    def due(self, run: Sequence[Step]) -> list[Step]:
        """Give the steps to send now, and list the others: those about a report that was not taken.

        Its id may be that of another report, taken before: what is asked about this one would befall that one's case.
        """
        going: list[Step] = []
        for step in run:
            if step.door == "reports" or step.body["of_report"] in self.areas:
                going.append(step)
            else:
                self.refused.append(Refusal(step.line, _what(step), "report_not_taken", "not sent: see its report"))
        return going

    def note(self, step: Step, answer: dict[str, Any]) -> None:
        """Keep what a door answered to a step."""
        if "error" in answer:
            error = answer["error"]
            where = f"{error.get('field')}: " if error.get("field") else ""
            self.refused.append(Refusal(step.line, _what(step), error["code"], where + error["message"]))
        elif step.door == "reports":
            self.taken[answer["report_id"]] = step
            self.areas[answer["report_id"]] = answer["area"]
            if datetime.fromisoformat(answer["recorded_at"]) < step.at:
                self.ahead[step.line] = answer["recorded_at"]
        else:
            self.taken[answer["action_id"]] = step


async def send(steps: Sequence[Step], doors: Doors, on_progress: Callable[[int], None]) -> Sent:
    """Send every step; the next run starts when the last is acknowledged, so that the log has them in this order.

    Raises ``httpx.HTTPError`` when a door stays shut; sending all of it again changes nothing.
    """
    sent = Sent()
    async with _client(doors) as client:
        for door, run in runs(steps, _LINES):
            if going := sent.due(run):
                answers = await post_lines(client, doors.of(door), [_line(step, sent.areas) for step in going])
                for step, answer in zip(going, answers, strict=True):
                    sent.note(step, answer)
            on_progress(len(run))
    return sent


def _client(doors: Doors) -> httpx.AsyncClient:
    return httpx.AsyncClient(headers={"authorization": f"Bearer {doors.token}"}, timeout=60)


def _line(step: Step, areas: Mapping[str, str]) -> dict[str, Any]:
    # A case's id begins with its area, which tells the lane: an action is to come after its report, in the same one.
    if step.door == "reports":
        return step.body
    report: str = step.body["of_report"]
    return {"case_id": ids.case_id(areas[report], report), **step.body}


async def post_lines(client: httpx.AsyncClient, url: str, lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Post one JSON object a line and read one for each, as ``ask`` does."""
    body = b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)
    answer = await ask(client, url, body, "application/x-ndjson")
    # Not by `splitlines`: an id may hold a separator of Unicode's, and answers repeat it.
    return [json.loads(line) for line in answer.content.split(b"\n") if line]


async def ask(client: httpx.AsyncClient, url: str, body: bytes, kind: str) -> httpx.Response:
    """Post this, again while whoever is to answer is away, busy or being restarted: a repeat changes nothing.

    Raises ``httpx.HTTPError`` when it stays so for half a minute or longer, or refuses.
    """
    for tried in range(1, _TRIES + 1):
        pause_s, last = float(tried), tried == _TRIES
        try:
            answer = await client.post(url, content=body, headers={"content-type": kind})
            if last or (answer.status_code != _TOO_MANY and not answer.is_server_error):
                break
            pause_s *= float(answer.headers.get("retry-after", 1))
        except (httpx.NetworkError, httpx.RemoteProtocolError):
            if last:
                raise
        await asyncio.sleep(pause_s)
    return answer.raise_for_status()


def _what(step: Step) -> str:
    return "report" if step.door == "reports" else str(step.body["action"]["kind"])


async def outcomes(sent: Sent, doors: Doors, on_progress: Callable[[int], None]) -> AsyncIterator[dict[str, Any]]:
    """Yield the outcome of everything that was taken, as it is decided.

    Raises ``Undecided`` when nothing new is decided for a minute.
    """
    waiting = list(sent.taken)
    async with _client(doors) as client:
        while waiting:
            try:
                async with asyncio.timeout(60):
                    found = await _decided(client, doors, waiting)
            except TimeoutError as error:
                raise Undecided from error
            for outcome in found.values():
                yield outcome
            waiting = [one for one in waiting if one not in found]
            on_progress(len(found))


async def _decided(client: httpx.AsyncClient, doors: Doors, waiting: Sequence[str]) -> dict[str, dict[str, Any]]:
    while True:
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(waiting), _LOOKED_UP):
            decided = await _look_up(client, doors, waiting[start : start + _LOOKED_UP])
            found.update(decided)
            if not decided:
                break  # the log is decided in order: what comes later is not decided yet either
        if found:
            return found
        await asyncio.sleep(0.05)


async def _look_up(client: httpx.AsyncClient, doors: Doors, some: Collection[str]) -> dict[str, dict[str, Any]]:
    body = json.dumps({"ids": list(some)}).encode()
    answer = await ask(client, f"{doors.dispatch}/v1/outcomes/lookup", body, "application/json")
    return {outcome["id"]: outcome for outcome in answer.json()["outcomes"]}


def refusal_of(step: Step, outcome: dict[str, Any]) -> Refusal | None:
    """Read an outcome as a refusal; None when the step was taken."""
    if outcome["result"] in ("opened", "merged", "applied"):
        return None
    why = outcome.get("why") or {}
    return Refusal(step.line, _what(step), why.get("code", outcome["result"]), why.get("message", ""))
