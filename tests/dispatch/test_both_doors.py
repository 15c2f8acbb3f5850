"""One suite of a department's requests, over HTTP and over Kafka: the same outcomes, states and histories."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal

import asyncpg
import httpx

from paidan_chassis.kafka.message import Message
from paidan_contracts import ids
from paidan_contracts.actions import KNOWN_ACTION_KINDS, Action, Inspect, Verify, Void
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.emergency_actions import CITY_ACTION_KINDS
from paidan_contracts.topics import INBOX, answers_topic_of
from paidan_contracts.wire import WireModel
from tests.dispatch.dispatch_service import DispatchService
from tests.dispatch.inbox_entries import build_action, build_report, case_id_of, photo_stored
from tests.polling import poll

Door = Literal["http", "kafka"]
DOORS: Final[tuple[Door, ...]] = ("http", "kafka")
STREETS: Final = "department:streets"
FILLED: Final[dict[str, dict[str, Any]]] = {
    "verify": {"verified": True},
    "file": {"row_id": "E0110-1", "reason": "seen"},
    "assign": {"department": "lamps", "reason": "theirs"},
    "redispatch": {"department": "lamps", "reason": "theirs"},
    "return": {"code": "other", "reason": "not ours"},
    "inspect": {"passed": True},
    "call_back": {"rating": "satisfied"},
    "void": {"reason": "a joke"},
    "amend": {"reason": "a later export"},
    "reply": {"text": "thank you"},
    "correct": {"reason": "a slip", "text": "at the gate"},
    "note": {"text": "the gate is locked"},
    "ask_extension": {"reason": "the part is late"},
    "appeal": {"reason": "the road was closed"},
    "review": {"approved": True},
    "set_limit": {"due_at": "2026-12-01T08:00:00+08:00", "reason": "the mayor"},
    "plan_step": {"due_at": "2026-12-01T08:00:00+08:00", "text": "dig"},
    "finish_step": {"step": 1},
    "hand_on": {"unit": "streets", "person": "10000000-0000-4000-8000-000000000001"},
    "confirm": {"confirmed": False, "reason": "half of it"},
    "escalate": {"reason": "it stinks"},
    "plan_construction": {"due_at": "2026-12-01T08:00:00+08:00", "reason": "no lamp"},
    "cannot_verify": {"reason": "locked"},
    "end_escalation": {"reason": "seen"},
}
STATES: Final = ("received", "filed", "dispatched", "handling", "inspecting", "closed", "voided", "not_accepted")
VARIANTS: Final[dict[str, dict[str, Any]]] = {
    **{kind: {"kind": kind, **FILLED.get(kind, {})} for kind in sorted(KNOWN_ACTION_KINDS - CITY_ACTION_KINDS)},
    "finish with a proof": {"kind": "finish", "text": "swept", "proof": ["<own>"]},
    "finish with a proof of another's": {"kind": "finish", "proof": ["<another's>"]},
    "finish with a proof never stored": {"kind": "finish", "proof": ["f" * 64 + ".jpg"]},
    "return for a reason of no list": {"kind": "return", "code": "too_far", "reason": "far"},
}


@dataclass(frozen=True)
class Request:
    """One request on a case of its own, which is in a state."""

    state: str
    variant: str
    door: Door
    east_m: float

    @property
    def report(self) -> Any:  # noqa: ANN401 - a report
        """The report that opens its case, far from every other."""
        kind: dict[str, Any] = {
            "received": {"source": "camera"},
            "not_accepted": {"source": "camera"},
            "filed": {"class_code": "E0401"},
        }.get(self.state, {})
        return build_report(f"{self.state} {self.variant} {self.door}", east_m=self.east_m, **kind)

    @property
    def case_id(self) -> str:
        return case_id_of(self.report)

    @property
    def own_id(self) -> str:
        return f"{self.state} {self.variant} {self.door}"

    @property
    def action_id(self) -> str:
        return ids.action_id(STREETS, self.own_id)

    def proof(self, by: str) -> str:
        return sha256(f"{self.case_id} {by}".encode()).hexdigest() + ".jpg"

    @property
    def action(self) -> dict[str, Any]:
        action = dict(VARIANTS[self.variant])
        proofs = {"<own>": self.proof(STREETS), "<another's>": self.proof("department:lamps")}
        return action | ({"proof": [proofs.get(each, each) for each in action["proof"]]} if "proof" in action else {})

    def log(self) -> Iterator[WireModel]:
        """Yield what leads to its state."""
        yield self.report
        for by in (STREETS, "department:lamps"):
            yield photo_stored(self.case_id, self.proof(by), by=by, minutes=1)
        first_proof = sha256(self.case_id.encode()).hexdigest() + ".jpg"
        steps: dict[str, list[tuple[Action, str]]] = {
            "handling": [(Accept(), STREETS)],
            "inspecting": [(Finish(proof=(first_proof,)), STREETS)],
            "closed": [(Finish(proof=(first_proof,)), STREETS), (Inspect(passed=True), "inspector:ivy")],
            "voided": [(Void(reason="x"), "operator:olga")],
            "not_accepted": [(Verify(verified=False, reason="x"), "inspector:ivy")],
        }
        yield photo_stored(self.case_id, first_proof, minutes=1)
        for minute, (action, by) in enumerate(steps.get(self.state, []), start=2):
            yield build_action(self.case_id, action, by=by, minutes=minute, door="http")


REQUESTS: Final = [
    Request(state, variant, door, 100.0 * number)
    for number, (state, variant, door) in enumerate(
        (state, variant, door) for state in STATES for variant in VARIANTS for door in DOORS
    )
]


async def _send_to_inbox(service: DispatchService, entries: Iterable[WireModel]) -> None:
    messages = [Message(INBOX.name, "tiny", each.model_dump_json().encode(), ()) for each in entries]
    await service.publisher.send(messages)


async def _await_outcomes(service: DispatchService, expected: Iterable[str]) -> None:
    wanted = list(expected)

    async def are_decided() -> bool:
        found = await service.fetch_value("SELECT count(*) FROM outcome WHERE id = ANY($1::uuid[])", wanted)
        return bool(found == len(wanted))

    await poll(are_decided, within_s=90, what="every request decided")


async def _what_became(service: DispatchService, requests: Iterable[Request]) -> dict[tuple[str, str, Door], Any]:
    """Return outcome, state and history of each, without ids and times."""
    conn = await asyncpg.connect(service.dsn, server_settings={"search_path": "dispatch"})
    try:
        return {(each.state, each.variant, each.door): await _became(conn, each) for each in requests}
    finally:
        await conn.close()


async def _became(conn: "asyncpg.Connection[Any]", request: Request) -> Any:  # noqa: ANN401 - to compare
    [outcome] = await conn.fetch("SELECT result, why FROM outcome WHERE id = $1", request.action_id)
    events = await conn.fetch("SELECT event FROM history WHERE case_id = $1 ORDER BY version", request.case_id)
    bodies = [json.loads(each["event"]) for each in events]
    # Limits of a Monday long past are overdue as soon as they run: when is up to the timer loop.
    steps = [each for each in bodies if "overdue" not in each["type"]]
    why = json.loads(outcome["why"]) if outcome["why"] else None
    if why:
        for name in ("message", "message_zh"):
            why[name] = _without_own_ids(why[name], request)
    state = bodies[-1]["state"]
    return {
        "outcome": (outcome["result"], why),
        "status": (state["status"], state.get("department"), len(steps), len(state["assignments"])),
        "history": [(each["type"], each.get("reason"), each.get("text")) for each in steps],
        "clocks": [each["kind"] for each in state["clocks"]],
    }


def _without_own_ids(text: str, request: Request) -> str:
    for name in (request.case_id, request.proof(STREETS), request.proof("department:lamps")):
        text = text.replace(name, "<own>")
    return text


def _lines_for(door: Door) -> list[str]:
    return [
        json.dumps({"id": each.own_id, "case_id": each.case_id, "action": each.action})
        for each in REQUESTS
        if each.door == door
    ]


async def _send_over_http(service: DispatchService, client: httpx.AsyncClient) -> set[str]:
    """Send one batch, and return the own ids of what is refused at once: no outcome of it follows."""
    lines = _lines_for("http")
    response = await client.post(
        "/v1/actions/batch", content="\n".join(lines), headers=await service.create_key(STREETS)
    )
    return {
        json.loads(sent)["id"]
        for sent, answer in zip(lines, map(json.loads, response.text.splitlines()), strict=True)
        if "error" in answer
    }


async def _send_over_kafka(service: DispatchService) -> None:
    topic = answers_topic_of("streets").name
    await service.publisher.send([Message(topic, "k", each.encode(), ()) for each in _lines_for("kafka")])


def _assert_alike(became: dict[tuple[str, str, Door], Any]) -> None:
    for state in STATES:
        for variant in VARIANTS:
            over_kafka = became[state, variant, "kafka"]
            if (state, variant, "http") in became:
                assert became[state, variant, "http"] == over_kafka, (state, variant)
            else:
                assert over_kafka["outcome"][0] == "refused", (state, variant)


async def test_every_action_in_every_state_ends_alike_at_both_doors(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    await _send_to_inbox(service, (entry for request in REQUESTS for entry in request.log()))
    await _await_outcomes(service, (each.report.report_id for each in REQUESTS))

    refused_by_http = await _send_over_http(service, client)
    await _send_over_kafka(service)
    taken = [each for each in REQUESTS if each.own_id not in refused_by_http]
    await _await_outcomes(service, (each.action_id for each in taken))
    became = await _what_became(service, taken)

    assert {own_id.split(" ", 1)[1].rsplit(" ", 1)[0] for own_id in refused_by_http} <= {
        "return for a reason of no list"
    }
    _assert_alike(became)
    applied = {(state, variant) for (state, variant, _), each in became.items() if each["outcome"][0] == "applied"}
    assert applied == {
        ("dispatched", "accept"),
        ("dispatched", "return"),
        ("dispatched", "finish with a proof"),
        ("dispatched", "hand_on"),
        ("handling", "return"),
        ("handling", "finish with a proof"),
        ("handling", "hand_on"),
    }
    codes = {each["outcome"][1]["code"] for each in became.values() if each["outcome"][1]}
    assert codes >= {
        "not_supported_yet",
        "not_your_role",
        "not_allowed_in_state",
        "unknown_photo",
        "proof_missing",
    }
