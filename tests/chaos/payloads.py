"""What the city's people write: tickets, alarms, answers; the same ones for the same seed."""

import random
from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from tests.chaos.installation import START_TIME

_CATEGORIES: Final = ("环境卫生/暴露垃圾", "市政设施/路灯不亮", "谁也不知道")
_REPEAT_EVERY: Final = 5
"""One in so many comes twice."""


def bucket_of(text: str) -> int:
    """Put a word into one of a hundred drawers, the same for ever."""
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big") % 100


def build_ticket(rng: random.Random, ref: str) -> dict[str, Any]:
    """Write a ticket somewhere in the tiny city, or nowhere in particular."""
    body: dict[str, Any] = {"source_ref": ref, "category": rng.choice(_CATEGORIES), "text": f"{ref}，请处理"}
    if rng.random() < 0.95:
        at = {"x": round(117.0 + rng.random() * 0.04, 6), "y": round(36.0 + rng.random() * 0.02, 6)}
        body["position"] = {**at, "crs": "wgs84"}
    if rng.random() < 0.3:
        body["reporter"] = {"name": f"张{ref}", "phone": "13800138000"}
    return body


def build_alarm(rng: random.Random, ref: str) -> dict[str, Any]:
    """Write a firing as a camera platform puts it on the topic; some re-fire, some are in doubt."""
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


def build_answers(kind: str, order: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """Write what a department says to an order: mostly accepts and finishes, sometimes twice; some it returns."""
    case_id, version, bucket = order["case_id"], order["version"], bucket_of(order["order_id"])
    answer: dict[str, Any] = {"case_id": case_id, "id": f"{case_id} {version} accept", "action": {"kind": "accept"}}
    if kind == "order.issued.v1":
        yield answer
    if bucket < 10:
        yield {**answer, "id": f"{case_id} return", "action": {"kind": "return", "code": "other", "reason": "no"}}
        return
    done = {"kind": "finish", "proof": [sha256(order["order_id"].encode()).hexdigest() + ".jpg"]}
    for _ in range(2 if bucket % _REPEAT_EVERY == 0 else 1):
        yield {**answer, "id": f"{case_id} {version} finish", "action": done}


def with_repeats(rng: random.Random, payloads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mix all of it with a fifth of it once more."""
    repeats = rng.sample(payloads, len(payloads) // _REPEAT_EVERY)
    return rng.sample([*payloads, *repeats], len(payloads) + len(repeats))


def build_inspection(event: dict[str, Any]) -> dict[str, Any] | None:
    """Decide what an inspector finds, where a step of a case asks for one."""
    if event["state"]["status"] != "inspecting":
        return None
    return {
        "kind": "inspect",
        "passed": bucket_of(f"{event['case_id']} {event['state']['round']}") < 85,
        "reason": "seen",
    }


def build_callback(event: dict[str, Any]) -> dict[str, Any] | None:
    """Decide what a resident says when called back, where somebody calls."""
    if event["type"] != "case.closed.v1" or bucket_of(event["case_id"]) % 3:
        return None
    rating = ("satisfied", "basically_satisfied", "dissatisfied", "no_answer")[bucket_of(event["case_id"] + "x") % 4]
    return {"kind": "call_back", "rating": rating, "reason": "said so"}
