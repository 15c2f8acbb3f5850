"""Random tickets, alarms, answers, inspections and callbacks; the same ones for the same seed."""

import random
from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from tests.chaos.installation import START_TIME

_CATEGORIES: Final = ("环境卫生/暴露垃圾", "市政设施/路灯不亮", "谁也不知道")
_REPEAT_EVERY: Final = 5
"""One payload in so many is sent twice."""


def bucket_of(text: str) -> int:
    """Return a stable bucket from 0 to 99 for a text."""
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big") % 100


def build_ticket(rng: random.Random, ref: str) -> dict[str, Any]:
    """Return a ticket somewhere in the tiny city, one in twenty without a position."""
    body: dict[str, Any] = {"source_ref": ref, "category": rng.choice(_CATEGORIES), "text": f"{ref}，请处理"}
    if rng.random() < 0.95:
        at = {"x": round(117.0 + rng.random() * 0.04, 6), "y": round(36.0 + rng.random() * 0.02, 6)}
        body["position"] = {**at, "crs": "wgs84"}
    if rng.random() < 0.3:
        body["reporter"] = {"name": f"张{ref}", "phone": "13800138000"}
    return body


def build_alarm(rng: random.Random, ref: str) -> dict[str, Any]:
    """Return an alarm as a camera platform publishes it; some cameras repeat, some are of low confidence."""
    camera = rng.randrange(400)
    return {
        "type": "alarm.raised.v1",
        "source": "camera",
        "alarm_ref": ref,
        "camera": f"c{camera}",
        "category": rng.choice(("890", "887")),
        "confidence": rng.choice((0.95, 0.9, 0.6, 0.2)),
        "position": {"x": 117.0 + camera % 20 * 0.002, "y": 36.0 + camera // 20 * 0.001, "crs": "wgs84"},
        "occurred_at": (START_TIME + timedelta(seconds=rng.randrange(600))).isoformat(),
    }


def proof_of(order: dict[str, Any]) -> str:
    """Return the reference of the photo that a department takes of its work on an order, a new one each time."""
    return sha256(f"{order['order_id']} {order['version']}".encode()).hexdigest() + ".jpg"


def build_proof(department: str, order: dict[str, Any]) -> dict[str, Any]:
    """Return what intake says when the department stores that photo for the case."""
    return {
        "type": "photo.stored.v1",
        "ref": proof_of(order),
        "case_id": order["case_id"],
        "area": order["case_id"].rpartition("-")[0],
        "holder": {"kind": "department", "id": department},
        "stored_at": order["dispatched_at"],
    }


def build_answers(kind: str, order: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """Yield a department's answers to an order: mostly accept and finish, sometimes twice; one in ten is returned."""
    case_id, version, bucket = order["case_id"], order["version"], bucket_of(order["order_id"])
    answer: dict[str, Any] = {"case_id": case_id, "id": f"{case_id} {version} accept", "action": {"kind": "accept"}}
    if kind == "order.issued.v1":
        yield answer
    if bucket < 10:
        yield {**answer, "id": f"{case_id} return", "action": {"kind": "return", "code": "other", "reason": "no"}}
        return
    finish = {"kind": "finish", "proof": [proof_of(order)]}
    for _ in range(2 if bucket % _REPEAT_EVERY == 0 else 1):
        yield {**answer, "id": f"{case_id} {version} finish", "action": finish}


def with_repeats(rng: random.Random, payloads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the payloads and a fifth of them once more, shuffled."""
    repeats = rng.sample(payloads, len(payloads) // _REPEAT_EVERY)
    return rng.sample([*payloads, *repeats], len(payloads) + len(repeats))


def build_inspection(event: dict[str, Any]) -> dict[str, Any] | None:
    """Return an inspector's action where a case's event waits for one."""
    if event["state"]["status"] != "inspecting":
        return None
    return {
        "kind": "inspect",
        "passed": bucket_of(f"{event['case_id']} {event['state']['round']}") < 85,
        "reason": "seen",
    }


def build_callback(event: dict[str, Any]) -> dict[str, Any] | None:
    """Return a callback's action for one in three closed cases."""
    if event["type"] != "case.closed.v1" or bucket_of(event["case_id"]) % 3:
        return None
    rating = ("satisfied", "basically_satisfied", "dissatisfied", "no_answer")[bucket_of(event["case_id"] + "x") % 4]
    return {"kind": "call_back", "rating": rating, "reason": "by telephone"}
