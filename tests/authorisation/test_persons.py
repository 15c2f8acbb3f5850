"""Persons who signed in: the page holds for their tokens as for keys, and a post's bounds for every route of cases."""

import uuid
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest

from paidan_chassis.clock import real_now
from paidan_chassis.edge.person_tokens import PersonClaims
from tests.authorisation import page
from tests.authorisation.calls import CALLS, PHOTO, cell_of
from tests.authorisation.keys import KINDS, Headers
from tests.authorisation.page import RouteRow
from tests.authorisation.services import Edges
from tests.authorisation.test_routes import call
from tests.dispatch.service_client import act_and_await
from tests.intake.sample_photos import make_jpeg

pytestmark = pytest.mark.takes(seconds=40)

ROWS: Final = page.routes()
CASE_ROWS: Final = [
    row
    for row in ROWS
    if row.service == "dispatch"
    and not any(each in row.route for each in ("audit", "emergencies"))
    and "✓*" not in row.cells.values()
]
"""Not those that belong to no city, which are for keys that are valid in all, and not those about a city as a whole."""
PERSON: Final = "5b0e7a3c-7f0a-4a52-9f0a-1f2e3d4c5b6a"
POSTS: Final = ("department", "other department", "inspector", "member", "caller", "operator", "monitor")
"""The kinds of keys whose duty a post may have."""
OWN_ALONE: Final = {
    "GET /v1/actions/{action_id}": "404",
    "POST /v1/outcomes/lookup": "∅",
    "GET /v1/noted": "∅",
    "POST /v1/noted/{report_id}/reply": "404",
}
"""What a bounded post is answered whatever the bounds: others' actions, and reports that have no class and no place."""

OWN_ACTIONS: Final = frozenset({"GET /v1/actions/{action_id}", "POST /v1/outcomes/lookup"})
"""What a department did itself, which it may read wherever the case lies."""


def token(edges: Edges, *scopes: str, city: str = "tiny", age_s: float = 0) -> Headers:
    claims = PersonClaims(person=PERSON, city=city, scopes=frozenset(scopes), post="desk-west")
    signed = edges.issuer.signer.sign(claims, real_now() - timedelta(seconds=age_s))
    return {"authorization": f"Bearer {signed}"}


async def cell(edges: Edges, row: RouteRow, headers: Headers) -> str:
    return cell_of(await call(edges, row, headers), CALLS[row.route])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.service} {row.route}")
async def test_route_answers_a_person_as_a_key_of_the_same_duty(edges: Edges, row: RouteRow) -> None:
    shown = {kind: await cell(edges, row, token(edges, *KINDS[kind])) for kind in POSTS}
    elsewhere = {
        await cell(edges, row, token(edges, *KINDS[kind], city="other")) for kind in POSTS if shown[kind] in "✓∅"
    }

    assert shown == {kind: row.cells[kind].replace("✓*", "403") for kind in POSTS}
    assert elsewhere <= {row.other_city}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.service} {row.route}")
async def test_no_route_answers_an_expired_or_a_foreign_token(edges: Edges, row: RouteRow) -> None:
    expired = token(edges, "role:operator", age_s=70)
    unsigned = {"authorization": token(edges, "role:operator")["authorization"].rpartition(".")[0] + "." + "A" * 86}

    answers = [await call(edges, row, headers) for headers in (expired, unsigned)]

    assert [(each.status_code, each.json()["error"]["code"]) for each in answers] == [(401, "invalid_token")] * 2


@pytest.mark.parametrize("bound", ["place:990101", "place:990101001", "class:E*"])
@pytest.mark.parametrize("row", CASE_ROWS, ids=lambda row: row.route)
async def test_post_sees_and_moves_the_cases_within_its_bounds(edges: Edges, row: RouteRow, bound: str) -> None:
    for kind in ("operator", "department"):
        expected = row.cells[kind]
        if kind == "operator" or "noted" in row.route:
            expected = OWN_ALONE.get(row.route, expected) if expected in "✓∅" else expected
        assert await cell(edges, row, token(edges, *KINDS[kind], bound)) == expected, kind


@pytest.mark.parametrize("bound", ["place:990102", "class:C*"])
@pytest.mark.parametrize("row", CASE_ROWS, ids=lambda row: row.route)
async def test_case_beyond_a_posts_bounds_is_answered_as_none(edges: Edges, row: RouteRow, bound: str) -> None:
    is_list = CALLS[row.route].lists is not None and "{" not in row.route
    for kind in ("operator", "inspector"):
        assert row.cells[kind] in "✓∅"
        assert await cell(edges, row, token(edges, *KINDS[kind], bound)) == ("∅" if is_list else "404"), kind
    expected = row.cells["department"]
    if expected in "✓∅" and row.route not in OWN_ACTIONS:
        expected = "∅" if is_list else "404"
    assert await cell(edges, row, token(edges, *KINDS["department"], bound)) == expected


async def test_a_page_begins_after_no_case_beyond_a_posts_bounds_and_a_place_has_no_wildcard(edges: Edges) -> None:
    """Its cursor would name the case, and when it was reported."""
    client, case_id = edges.clients["dispatch"], edges.ids["dispatch"]["case_id"]

    async def ask(path: str, *scopes: str) -> dict[str, Any]:
        page: dict[str, Any] = (await client.get(path, headers=token(edges, *scopes))).json()
        return page

    for duty in ("role:operator", "department:streets"):
        path = "/v1/orders?limit=1" + ("&department=streets" if duty.startswith("role") else "")
        for bound in ("place:990101", "class:E*"):
            within = await ask(path, duty, bound)
            assert [each["order"]["case_id"] for each in within["orders"]] == [case_id]
            assert within["after"]
        for bound in ("place:990102", "class:C*"):
            beyond = await ask(path, duty, bound)
            assert (beyond["orders"], beyond["after"]) == ([], None)
    assert (await ask("/v1/cases?place=990101", "role:operator"))["cases"]
    assert (await ask("/v1/cases?place=9901__", "role:operator"))["cases"] == []


BOUNDED: Final = {
    "GET /v1/photos/{ref}": ("✓", "404"),
    "POST /v1/photos/{ref}/links": ("✓", "404"),
    "GET /v1/reports/{report_id}": ("✓", "404"),
    "POST /v1/reports/{report_id}/reporter": ("✓", "404"),
    "GET /v1/scores": ("403", "403"),
    "GET /v1/scores/{score_id}/cases": ("404", "404"),
}
"""What a bounded operator is answered about a case within the bounds and beyond; figures by department count both."""


@pytest.mark.parametrize("row", [row for row in ROWS if row.route in BOUNDED], ids=lambda row: row.route)
async def test_reports_photos_and_figures_are_bounded_as_cases_are(edges: Edges, row: RouteRow) -> None:
    within, beyond = BOUNDED[row.route]
    for bounds in (["place:990101"], ["place:990101001"], ["class:E*"], ["class:E0110", "place:990101"]):
        assert await cell(edges, row, token(edges, "role:operator", *bounds)) == within, bounds
    for bounds in (["place:990102"], ["class:C*"], ["class:E*", "place:990102"]):
        assert await cell(edges, row, token(edges, "role:operator", *bounds)) == beyond, bounds


@pytest.mark.parametrize("duty", ["department:streets", "role:inspector"])
async def test_proof_of_work_is_bounded_as_its_case_is(edges: Edges, duty: str) -> None:
    """A department's own photos, too: a clerk of one district sees none of another's work, and adds none to it."""
    client, case_id = edges.clients["intake"], edges.ids["intake"]["case_id"]
    path, photo = f"/v1/photos?case_id={case_id}", make_jpeg(colour="olive" if duty.startswith("role") else "navy")
    stored = await client.post(path, content=photo, headers=token(edges, "department:streets"))
    for bound, status in {"place:990101": 200, "class:E*": 200, "place:990102": 404, "class:C*": 404}.items():
        headers = token(edges, duty, bound)
        shown = await client.get(f"/v1/photos/{stored.json()['ref']}", headers=headers)
        tried = await client.post(f"{path}&dry-run=true", content=photo, headers=headers)

        assert (shown.status_code, tried.status_code) == (status, status), bound
    alone = await client.post("/v1/photos", content=PHOTO, headers=token(edges, "department:streets", "place:990102"))
    ref = alone.json()["ref"]
    own = await client.get(f"/v1/photos/{ref}", headers=token(edges, "department:streets", "place:990102"))
    assert own.status_code == 200


@pytest.mark.parametrize("scopes", ["role:operator clas:E*", "role:operator department:a department:b"])
@pytest.mark.parametrize("row", [row for row in ROWS if row.route == "GET /v1/audit/keys" or row in CASE_ROWS[:2]])
async def test_scopes_that_cannot_be_read_open_nothing_and_the_answer_says_so(
    edges: Edges, row: RouteRow, scopes: str
) -> None:
    answer = await call(edges, row, token(edges, *scopes.split()))

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_token")
    assert "scope" in answer.json()["error"]["message"]


async def test_person_and_post_stand_on_the_step_and_never_come_from_the_body(edges: Edges) -> None:
    client, case_id = edges.clients["dispatch"], edges.ids["dispatch"]["case_id"]
    headers = token(edges, "role:operator", "place:990101")

    outcome = await act_and_await(client, case_id, {"kind": "urge", "reason": "雨前须清理"}, headers)
    forged = await post_action(client, case_id, headers, {"action": {"kind": "urge"}, "actor": {"person": PERSON}})
    shown = (await client.get(f"/v1/cases/{case_id}", headers=headers)).json()

    assert outcome["result"] == "applied"
    assert forged.status_code == 422
    [urged] = [each["event"] for each in shown["history"] if each["event"]["type"] == "case.urged.v1"]
    assert {name: urged["actor"][name] for name in ("kind", "id", "person", "post")} == {
        "kind": "operator",
        "id": f"person_{PERSON}",
        "person": PERSON,
        "post": "desk-west",
    }


async def test_look_at_a_reporter_is_logged_under_the_person_and_the_post(edges: Edges) -> None:
    client, report_id = edges.clients["intake"], edges.ids["intake"]["report_id"]

    look = await client.post(
        f"/v1/reports/{report_id}/reporter", json={"reason": "岗位回访"}, headers=token(edges, "role:caller")
    )
    trail = await client.get("/v1/audit/events?limit=1000", headers=edges.keys.valid["auditor", "*"])

    assert look.status_code == 200
    [seen] = [each for each in trail.json()["events"] if each["detail"] == "岗位回访"]
    assert (seen["key_id"], seen["actor"]) == (f"person_{PERSON}", "desk-west")


async def post_action(
    client: httpx.AsyncClient, case_id: str, headers: Headers, body: dict[str, Any]
) -> httpx.Response:
    return await client.post(
        f"/v1/cases/{case_id}/actions", json=body, headers=headers | {"Idempotency-Key": uuid.uuid4().hex}
    )
