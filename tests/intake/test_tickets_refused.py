"""Refused tickets: keys without the right, and the field that is invalid."""

from typing import Any

import pytest

from tests.intake.intake_service import IntakeService
from tests.intake.ticket_payloads import build_ticket


@pytest.mark.parametrize(
    ("overrides", "status", "code", "field"),
    [
        ({"source": "photo"}, 403, "not_your_source", "source"),
        ({"city": "elsewhere"}, 403, "not_your_city", "city"),
        ({"source_ref": ""}, 422, "invalid", "source_ref"),
        ({"sauce_ref": "x"}, 422, "invalid", "sauce_ref"),
        ({"text": "a\0b"}, 422, "invalid", "text"),
        ({"text": "x" * 4001}, 422, "invalid", "text"),
        ({"position": {"x": 200, "y": 1}}, 422, "invalid", "position.x"),
        ({"position": {"x": 117, "y": 36, "crs": "mars"}}, 422, "invalid", "position.crs"),
        ({"source_ref": None}, 422, "invalid", "source_ref"),
        ({"occurred_at": "yesterday"}, 422, "invalid", "occurred_at"),
        ({"position": {"x": 117, "y": None}}, 422, "invalid", "position.y"),
        ({"category": None, "position": None}, 422, "invalid", "text"),
        ({"district": "370102"}, 422, "unknown_district", "district"),
        ({"past": {"owner": "sanitation"}}, 403, "past_not_allowed", "past"),
        ({"photos": ["0" * 64 + ".jpg"]}, 422, "unknown_photo", "photos"),
    ],
)
async def test_refusal_names_the_field(
    intake: IntakeService, overrides: dict[str, Any], status: int, code: str, field: str
) -> None:
    async with intake.client("hotline") as client:
        response = await client.post("/v1/tickets", json=build_ticket(**overrides))

    error = response.json()["error"]
    assert (response.status_code, error["code"], error["field"]) == (status, code, field)
    assert error["message"]
    assert error["message_zh"]


@pytest.mark.parametrize(
    ("overrides", "noted"),
    [
        ({"matter": "表扬"}, ("noted", "praise")),
        ({"matter": "表扬", "category": None}, ("noted", "praise")),
        ({}, (None, None)),
    ],
)
async def test_dry_run_says_what_would_be_noted(
    intake: IntakeService, overrides: dict[str, Any], noted: tuple[str | None, str | None]
) -> None:
    async with intake.client("hotline") as client:
        checked = await client.post("/v1/tickets?dry-run=true", json=build_ticket(**overrides))
        real = await client.post("/v1/tickets", json=build_ticket(**overrides))

    assert (checked.json().get("stands"), checked.json().get("reason")) == noted
    assert "stands" not in real.json(), "it is not decided yet"


async def test_unknown_district_is_named_with_the_nearest(intake: IntakeService) -> None:
    async with intake.client("hotline") as client:
        response = await client.post("/v1/tickets", json=build_ticket(district="99010"))

    error = response.json()["error"]
    assert "no district 99010 (did you mean 99010" in error["message"]
    assert "没有区划代码 99010（是否为 99010" in error["message_zh"]


async def test_unknown_key_and_key_without_a_source_are_refused(intake: IntakeService) -> None:
    async with intake.client("inspector") as client:
        forbidden = await client.post("/v1/tickets", json=build_ticket())
        unknown = await client.post(
            "/v1/tickets", json=build_ticket(), headers={"authorization": "Bearer pdk_" + "x" * 43}
        )

    assert (forbidden.status_code, unknown.status_code) == (403, 401)


@pytest.mark.parametrize("raw", [b"{", b"\xff\xfe", b'{"source_ref": "\\ud800"}', b"[]", b""])
async def test_invalid_ticket_is_never_a_500(intake: IntakeService, raw: bytes) -> None:
    async with intake.client("hotline") as client:
        response = await client.post("/v1/tickets", content=raw)

    assert response.status_code in (400, 422)


async def test_camera_alarm_is_refused_as_a_ticket(intake: IntakeService) -> None:
    async with intake.client("camera") as client:
        response = await client.post("/v1/tickets", json=build_ticket())

    assert (response.status_code, response.json()["error"]["code"]) == (422, "screened_source")
