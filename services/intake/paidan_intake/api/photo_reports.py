"""``POST /v1/photo-reports`` (随手拍): a ticket and its photos in one multipart request."""

from dataclasses import replace
from typing import Any, Final

from fastapi import FastAPI, Request
from starlette.responses import Response

from paidan_chassis.edge import problems, query
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.middleware import parse_body
from paidan_chassis.edge.problems import Problem
from paidan_intake.api.checks import DRY_RUN_PARAMETERS, check_id, check_photos
from paidan_intake.api.models import AcceptedReport
from paidan_intake.api.submission import (
    ApiContext,
    accept,
    accepted_answer,
    accepted_body,
    normalize_ticket,
    resolve_sender,
)
from paidan_intake.api.uploads import read_form, sanitize_upload, upload_slot
from paidan_intake.normalization import Sender
from paidan_intake.photos import SanitizedPhoto
from paidan_intake.resolution import AttachedPhoto
from paidan_intake.tickets import Position, Ticket

_FORM_OPENAPI: Final[dict[str, Any]] = {
    **DRY_RUN_PARAMETERS,
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["report", "photo"],
                    "properties": {
                        "report": {"$ref": "#/components/schemas/Ticket"},
                        "photo": {"type": "array", "items": {"type": "string", "format": "binary"}, "maxItems": 9},
                    },
                }
            }
        },
    },
}


def add_routes(app: FastAPI, context: ApiContext) -> None:
    """Add the photo report route to the app."""
    max_bytes = context.settings.photo_bytes * 3

    @app.post(
        "/v1/photo-reports",
        name="take_photo_report",
        openapi_extra=_FORM_OPENAPI,
        response_class=Response,
        responses={202: {"model": AcceptedReport}},
        status_code=202,
        max_body_size=None,
    )
    async def submit_photo_report(request: Request, caller: Caller) -> Response:
        """Accept a report with its photos: a part ``report`` (a ticket in JSON) and parts ``photo`` (JPEG, PNG, WebP).

        Position and time are read from the photo where the report states none, and removed from the stored photo.
        """
        async with upload_slot(context.photo_pool, caller.key_id, timeout_s=context.settings.upload_within_s):
            form = await read_form(request, max_bytes)
            if form.report is None:
                raise problems.invalid("report", "the part is missing", "缺少 report 部分")
            if not form.uploads:
                raise problems.invalid("photo", "at least one photo", "至少需要一张照片")
            ticket = _parse_report(form.report)
            sender = resolve_sender(caller, context.packs, source=ticket.source, city=ticket.city)
            photos = [
                await sanitize_upload(context.photo_pool, upload, field=f"photo.{number}")
                for number, upload in enumerate(form.uploads)
            ]
            normalized = normalize_ticket(context, ticket, sender, [_attached_photo(photo, sender) for photo in photos])
            await check_photos(context.pool, ticket.photos, sender, caller)
            if query.is_dry_run(request.scope):
                await check_id(context.pool, normalized.report.report_id, normalized.digest)
                return accepted_answer(accepted_body(normalized.report, normalized, dry_run=True)).response()
            return accepted_answer(accepted_body(await accept(context, normalized, photos), normalized)).response()


def _parse_report(report: bytes) -> Ticket:
    try:
        return parse_body(Ticket, report)
    except Problem as problem:
        raise replace(problem, field=problem.field or "report") from None


def _attached_photo(photo: SanitizedPhoto, sender: Sender) -> AttachedPhoto:
    exif = photo.exif
    position = None
    if exif.longitude is not None and exif.latitude is not None:
        position = Position(x=exif.longitude, y=exif.latitude, crs="wgs84")
    return AttachedPhoto(photo.ref, photo.upload_digest, position, exif.taken_at(sender.city.zone))
