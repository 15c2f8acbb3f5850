"""What the city's people write: tickets, alarms, answers; the same ones for the same seed."""

import random
from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from tests.chaos.installation import MONDAY

_KINDS: Final = ("环境卫生/暴露垃圾", "市政设施/路灯不亮", "谁也不知道")
_REPEATED: Final = 5
"""One in so many comes twice."""


def share(word: str) -> int:
    """Put a word into one of a hundred drawers, the same for ever."""
    return int.from_bytes(sha256(word.encode()).digest()[:4], "big") % 100


def ticket(chance: random.Random, ref: str) -> dict[str, Any]:
    """Write a ticket somewhere in the tiny city, or nowhere in particular."""
    said: dict[str, Any] = {"source_ref": ref, "category": chance.choice(_KINDS), "text": f"{ref}，请处理"}
    if chance.random() < 0.95:
        at = {"x": round(117.0 + chance.random() * 0.04, 6), "y": round(36.0 + chance.random() * 0.02, 6)}
        said["position"] = {**at, "crs": "wgs84"}
    if chance.random() < 0.3:
        said["reporter"] = {"name": f"张{ref}", "phone": "13800138000"}
    return said


def alarm(chance: random.Random, ref: str) -> dict[str, Any]:
    """Write a firing as a camera platform puts it on the topic; some re-fire, some are in doubt."""
    camera = chance.randrange(400)
    return {
        "type": "alarm.raised.v1",
        "source": "camera",
        "alarm_ref": ref,
        "camera": f"c{camera}",
        "category": chance.choice(("890", "887")),
        "confidence": chance.choice((0.95, 0.9, 0.6, 0.2)),
        "position": {"x": 117.0 + camera % 20 * 0.002, "y": 36.0 + camera // 20 * 0.001, "crs": "wgs84"},
        "occurred_at": (MONDAY + timedelta(seconds=chance.randrange(600))).isoformat(),
    }


def answers(kind: str, order: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """Write what a department says to an order: mostly accepts and finishes, sometimes twice; some it returns."""
    case_id, version, drawer = order["case_id"], order["version"], share(order["order_id"])
    answer: dict[str, Any] = {"case_id": case_id, "id": f"{case_id} {version} accept", "action": {"kind": "accept"}}
    if kind == "order.issued.v1":
        yield answer
    if drawer < 10:
        yield {**answer, "id": f"{case_id} return", "action": {"kind": "return", "code": "other", "reason": "no"}}
        return
    done = {"kind": "finish", "proof": [sha256(order["order_id"].encode()).hexdigest() + ".jpg"]}
    for _ in range(2 if drawer % _REPEATED == 0 else 1):
        yield {**answer, "id": f"{case_id} {version} finish", "action": done}


def again(chance: random.Random, said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mix all of it with a fifth of it once more."""
    twice = chance.sample(said, len(said) // _REPEATED)
    return chance.sample([*said, *twice], len(said) + len(twice))


def inspection(said: dict[str, Any]) -> dict[str, Any] | None:
    """Decide what an inspector finds, where a step of a case asks for one."""
    if said["state"]["status"] != "inspecting":
        return None
    return {"kind": "inspect", "passed": share(f"{said['case_id']} {said['state']['round']}") < 85, "reason": "seen"}


def call(said: dict[str, Any]) -> dict[str, Any] | None:
    """Decide what a resident says when called back, where somebody calls."""
    if said["type"] != "case.closed.v1" or share(said["case_id"]) % 3:
        return None
    rating = ("satisfied", "basically_satisfied", "dissatisfied", "no_answer")[share(said["case_id"] + "x") % 4]
    return {"kind": "call_back", "rating": rating, "reason": "said so"}
