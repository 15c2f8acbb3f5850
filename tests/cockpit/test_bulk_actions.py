"""Of several cases at once only what all of them allow is offered; what became of each is told of each."""

import json
from typing import Any, Final

import asyncpg
import httpx
import pytest
from starlette.requests import Request

from paidan_cockpit.pages.action_forms import ActionForm, FormField
from paidan_cockpit.pages.assets import Assets
from paidan_cockpit.pages.bulk_actions import BulkChoicePage
from paidan_cockpit.pages.bulk_forms import MAX_CASES, case_fields, chosen_cases, common_choice
from paidan_cockpit.pages.bulk_request import read_answer
from paidan_cockpit.pages.renderer import Renderer
from paidan_cockpit.pages.request_context import RequestContext
from paidan_cockpit.services_client import ServiceAnswer
from tests.cockpit.cockpit_edge import signed_in
from tests.cockpit.database_fixture import apply_records
from tests.cockpit.test_queue_tables import case, view
from tests.cockpit.test_sign_in import csrf_of
from tests.scoring import case_histories
from tests.scoring.database_fixture import pack_bytes, pack_version

REASON: Final = FormField("action.reason", "lines", "Reason", "", required=False)
DEPARTMENTS: Final = (("streets", "Streets"), ("lamps", "Lamps"))


def form(kind: str, *fields: FormField, allowed: bool = True) -> ActionForm:
    return ActionForm(kind, kind.title(), allowed, "" if allowed else f"no {kind} now", fields)


def department(*choices: tuple[str, str]) -> FormField:
    return FormField("action.department", "choice", "Department", "", required=True, choices=choices)


def photos(*, required: bool) -> FormField:
    return FormField("action.proof", "photos", "Photos", "", required=required)


def test_what_all_allow_is_offered_and_the_rest_is_told_with_its_reason() -> None:
    choice = common_choice(
        [
            [form("urge", REASON), form("accept"), form("void", allowed=False)],
            [form("urge", REASON), form("accept", allowed=False), form("void", allowed=False)],
        ]
    )

    assert [each.kind for each in choice.forms] == ["urge"]
    assert [(each.title, each.allowed, each.why) for each in choice.partly] == [("Accept", 1, "no accept now")]


def test_a_field_is_required_where_one_case_requires_it_and_offers_what_all_offer() -> None:
    needed = FormField("action.reason", "lines", "Reason", "", required=True)

    choice = common_choice(
        [[form("assign", department(*DEPARTMENTS), REASON)], [form("assign", department(DEPARTMENTS[1]), needed)]]
    )

    [common] = choice.forms
    assert common.fields[0].choices == [DEPARTMENTS[1]]
    assert [each.required for each in common.fields] == [True, True]


@pytest.mark.parametrize(
    "forms",
    [
        [form("call_back", department(DEPARTMENTS[0])), form("call_back", department(DEPARTMENTS[1]))],
        [form("finish", photos(required=True)), form("finish", photos(required=False))],
        [form("file", REASON), form("file")],
    ],
    ids=["each has its own report", "photos of its own", "a field that one lacks"],
)
def test_what_is_of_one_case_alone_is_not_offered(forms: list[ActionForm]) -> None:
    assert common_choice([[each] for each in forms]).forms == []


def test_photos_that_need_not_be_are_left_out() -> None:
    [common] = common_choice([[form("finish", REASON, photos(required=False))]] * 2).forms

    assert [each.name for each in common.fields] == ["action.reason"]
    assert not common.takes_photos


def test_a_form_forgets_no_case_that_was_chosen() -> None:
    fields = case_fields(f"tiny-{number}" for number in range(MAX_CASES + 1))

    assert chosen_cases({"csrf": "x", "case": "y"} | fields) == [f"tiny-{number}" for number in range(MAX_CASES + 1)]
    assert common_choice([]).forms == []


async def test_more_than_go_at_once_are_refused_by_name(site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]") -> None:
    new = case_histories.new_case(1, pack=pack_version(pack_bytes()))
    await apply_records(pool, [case_histories.case_record(new, offset=0)])
    others = [f"tiny-{number:032x}" for number in range(MAX_CASES + 1)]
    async with signed_in(site, pool, "role:operator") as browser:
        csrf = csrf_of((await browser.get("/sessions")).text)
        fields = {"csrf": csrf} | case_fields([new.case_id, *others])
        refused = await browser.post("/queues/actions/urge", data=fields)

    assert refused.status_code == 422
    assert "More than 50 cases were chosen, so nothing was done." in refused.text


def test_the_page_tells_how_many_are_left_out_and_why() -> None:
    shown = view("en")
    page_values = BulkChoicePage(
        cases=[case()],
        back="",
        names=shown.names,
        times=shown.times,
        forms=[],
        partly=[],
        missing=1,
        beyond=3,
        filled=None,
    )
    request = Request({"type": "http", "path": "/", "query_string": b"", "headers": []})

    page = Renderer(Assets(None)).render(RequestContext(request, "en", "auto", None), page_values)

    assert "1 of the chosen cases is left out: it is not yours any more." in page
    assert "3 of the chosen cases are left out: 50 go at once. Choose them again afterwards." in page


def batch(*lines: dict[str, Any]) -> ServiceAnswer:
    return ServiceAnswer(202, None, "".join(json.dumps(each) + "\n" for each in lines).encode())


def test_each_line_of_dispatchs_answer_is_its_cases() -> None:
    error = {"code": "invalid", "message": "needs a reason", "message_zh": "须填理由", "field": "action.assign.reason"}
    why = {"code": "not_now", "message": "not now", "message_zh": "目前不可", "field": None}
    cases = [case(case_id=f"tiny-{number}") for number in range(3)]

    results = read_answer(
        cases,
        batch(
            {"line": 1, "status": 202, "action_id": "a"},
            {"line": 2, "status": 422, "error": error},
            {"line": 3, "status": 202, "action_id": "c", "result": "refused", "why": why},
        ),
        "zh",
    )

    assert [(each.summary.case_id, each.result, each.why, each.field) for each in results] == [
        ("tiny-0", "pending", "", None),
        ("tiny-1", "refused", "须填理由", "action.assign.reason"),
        ("tiny-2", "refused", "目前不可", None),
    ]


def test_a_batch_that_is_refused_as_a_whole_is_refused_for_each() -> None:
    answer = ServiceAnswer(429, {"error": {"code": "too_many", "message": "slow down", "message_zh": "请稍候"}})

    assert [(each.result, each.why) for each in read_answer([case(), case()], answer, "en")] == [
        ("refused", "slow down")
    ] * 2
