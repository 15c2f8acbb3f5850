"""Free text of actions is masked before it is stored, in every action, over HTTP and Kafka."""

import json
from collections.abc import Iterator
from typing import Any, get_args

import asyncpg
import httpx
import pytest
from pydantic import TypeAdapter, ValidationError

from paidan_contracts import ids
from paidan_contracts.actions import KNOWN_ACTION_KINDS, Action, SupportedAction
from paidan_contracts.city import load_city
from paidan_contracts.emergency_actions import CITY_ACTIONS
from paidan_contracts.pii_words import COMMON_TERMS
from paidan_contracts.unsupported_actions import UnsupportedAction
from paidan_deploy.provisioning.connection import open_connection
from paidan_dispatch.actions.requests import CityTerms, RequestedAction
from paidan_dispatch.city_packs import PackCache
from tests.contracts.city_packs import LOSANGELES
from tests.dispatch.dispatch_service import DispatchService
from tests.dispatch.inbox_entries import build_report, case_id_of
from tests.dispatch.service_client import UNKNOWN_CASE, act_and_await, await_decision

ACTIONS: TypeAdapter[Action] = TypeAdapter(Action)
MODELS = [*get_args(SupportedAction), *CITY_ACTIONS, *get_args(UnsupportedAction)]
NEEDED: dict[str, dict[str, Any]] = {
    "verify": {"verified": True},
    "file": {"row_id": "E0110-1"},
    "assign": {"department": "streets", "reason": "a"},
    "redispatch": {"department": "streets", "reason": "a"},
    "return": {"code": "other", "reason": "a"},
    "inspect": {"passed": True},
    "call_back": {"rating": "satisfied"},
    "void": {"reason": "a"},
    "amend": {"reason": "a"},
    "reply": {"text": "a"},
    "correct": {"reason": "a"},
    "note": {"text": "a"},
    "review": {"approved": True},
    "set_limit": {"due_at": "2026-03-02T09:30:00Z", "reason": "a"},
    "plan_step": {"due_at": "2026-03-02T09:30:00Z", "text": "a"},
    "finish_step": {"step": 1},
    "hand_on": {"unit": "squad"},
    "confirm": {"confirmed": True},
    "escalate": {"reason": "a"},
    "plan_construction": {"due_at": "2026-12-01T08:00:00+08:00", "reason": "no lamp"},
    "cannot_verify": {"reason": "locked"},
    "end_escalation": {"reason": "a"},
    "declare_emergency": {"plan": "snow", "level": "3"},
    "end_emergency": {"declaration_id": "10000000-0000-4000-8000-000000000001"},
}
NUMBERS = ("13812345678", "0531-88123456", "11010519491231002X", "6222 0200 1234 5678 903")
FREE_TEXT = "打 13812345678 或 0531-88123456，身份证 11010519491231002X"
MASKED = "打 *********** 或 *************，身份证 ******************"


def free_text_fields() -> Iterator[tuple[str, str]]:
    """Return each field of each action that takes free text."""
    for model in MODELS:
        kind = model.model_fields["kind"].default
        for name in model.model_fields:
            try:
                ACTIONS.validate_python({"kind": kind, **NEEDED.get(kind, {}), name: FREE_TEXT})
            except ValidationError:
                continue
            yield kind, name


@pytest.mark.parametrize(("kind", "name"), list(free_text_fields()))
def test_personal_numbers_are_masked_in_every_free_text(kind: str, name: str) -> None:
    requested_action = RequestedAction(
        UNKNOWN_CASE, ACTIONS.validate_python({"kind": kind, **NEEDED.get(kind, {}), name: FREE_TEXT})
    )

    assert getattr(requested_action.action, name) == MASKED
    assert ACTIONS.validate_json(requested_action.action.model_dump_json()) == requested_action.action


def test_fields_of_an_action_of_unknown_kind_are_not_passed_on() -> None:
    action = RequestedAction(UNKNOWN_CASE, ACTIONS.validate_python({"kind": "whistle", "note": FREE_TEXT})).action

    assert action.model_dump() == {"kind": "whistle"}


def test_every_action_with_free_text_is_covered() -> None:
    fields = set(free_text_fields())

    assert {("return", "reason"), ("finish", "text"), ("inspect", "reason"), ("call_back", "reason")} <= fields
    assert {kind for kind, _ in fields} == KNOWN_ACTION_KINDS - {"accept"}


def test_codes_departments_and_photos_stay_as_they_are() -> None:
    """A department's id, a row's code and a photo's name may hold digits in any order."""
    photo = "13812345678" + "0" * 53 + ".jpg"
    bodies: list[dict[str, Any]] = [
        {"kind": "assign", "department": "13812345678", "reason": "订单20260302103000123456"},
        {"kind": "file", "row_id": "13812345678", "reason": ""},
        {"kind": "finish", "text": "好", "proof": [photo]},
    ]
    for action in map(ACTIONS.validate_python, bodies):
        assert RequestedAction(UNKNOWN_CASE, action).action is action


def test_patterns_and_words_of_the_cases_city_apply() -> None:
    """A department's answer in Los Angeles names telephones as people there write them."""
    action = ACTIONS.validate_python({"kind": "finish", "text": "called 213-555-0134, pole 2135550134"})

    masked = RequestedAction(UNKNOWN_CASE, action, terms=load_city(LOSANGELES).masking).action

    assert masked == ACTIONS.validate_python({"kind": "finish", "text": "called ************, pole 2135550134"})


async def test_terms_are_those_of_the_packs_in_force(service: DispatchService) -> None:
    terms = CityTerms(PackCache())
    async with open_connection(service.dsn) as closed:
        pass
    with pytest.raises(asyncpg.InterfaceError):
        await terms.refresh(closed)
    async with open_connection(service.dsn) as conn:
        await terms.refresh(conn)  # at once: what failed does not count as done

    assert "西街道" in terms.of(UNKNOWN_CASE).place_names, "a name of the tiny city"
    assert terms.of("elsewhere-" + "0" * 32) is COMMON_TERMS


def test_digest_is_of_the_masked_text() -> None:
    """Whoever has the log could otherwise try every number until the digest fits."""
    one, other = (
        RequestedAction(UNKNOWN_CASE, ACTIONS.validate_python({"kind": "urge", "reason": f"call {number}"}))
        for number in ("13812345678", "13912345679")
    )

    assert one.digest == other.digest


async def test_no_personal_number_passes_http_or_kafka(service: DispatchService, client: httpx.AsyncClient) -> None:
    first, second = build_report("numbers"), build_report("numbers too", east_m=500)
    inspector, caller = await service.create_key("role:inspector"), await service.create_key("role:caller")
    streets = await service.create_key("department:streets")
    words = " ".join(NUMBERS)
    await service.append_to_inbox(first, second)
    await service.await_messages("paidan.orders.streets", 2, about=[case_id_of(first), case_id_of(second)])

    returned = {"kind": "return", "code": "other", "reason": f"not ours, ask {words}"}
    await service.append_answer("streets", {"id": "n1", "case_id": case_id_of(first), "action": returned})
    await act_and_await(client, case_id_of(second), {"kind": "accept"}, streets)
    proof = await service.store_proof(case_id_of(second))
    results = [
        await act_and_await(client, case_id_of(second), {"kind": "finish", "text": words, "proof": [proof]}, streets),
        await act_and_await(
            client, case_id_of(second), {"kind": "inspect", "passed": True, "reason": words}, inspector
        ),
    ]
    unhappy = {"kind": "call_back", "rating": "dissatisfied", "reason": f"unhappy: {words}"}
    line = {"id": "n2", "case_id": case_id_of(second), "action": unhappy}
    got = await client.post("/v1/actions/batch", content=json.dumps(line), headers=caller)
    results.append(await await_decision(client, json.loads(got.text)["action_id"], caller))
    results.append(await await_decision(client, ids.action_id("department:streets", "n1"), streets))

    assert [each["result"] for each in results] == ["applied"] * 4
    for topic in ("paidan.inbox", "paidan.cases", "paidan.outcomes", "paidan.orders.streets"):
        text = json.dumps(await service.read_topic(topic))
        assert not [number for number in NUMBERS if number in text], topic
    assert "not ours, ask ***********" in json.dumps(await service.read_topic("paidan.cases"))
    assert "unhappy: ***********" in json.dumps(await service.read_topic("paidan.inbox"))
