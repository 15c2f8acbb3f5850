"""Photo reports (随手拍): what a resident writes, and the photos of it, in one request."""

from typing import Any, Final

from fastapi import FastAPI, Request
from starlette.responses import Response

from paidan_chassis.edge import problems
from paidan_chassis.edge.app import Caller, parse
from paidan_intake.api.context import (
    DRY_RUN,
    Desk,
    answer,
    is_dry_run,
    taken,
)
from paidan_intake.api.models import Position, Taken, Ticket
from paidan_intake.api.uploads import a_place, develop, read_form
from paidan_intake.normalization import Sender, Snapshot
from paidan_intake.photos import Picture

_FORM: Final[dict[str, Any]] = {
    **DRY_RUN,
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


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Put the photo report route on the edge."""
    limit = desk.settings.photo_bytes * 3

    @app.post(
        "/v1/photo-reports",
        openapi_extra=_FORM,
        response_class=Response,
        responses={202: {"model": Taken}},
        status_code=202,
        max_body_size=None,
    )
    async def take_photo_report(request: Request, who: Caller) -> Response:
        """Take a report with its photos: a part ``report`` (a ticket in JSON) and parts ``photo`` (JPEG, PNG, WebP).

        Where and when is read from the photo when the report does not say it, and taken out of what is kept.
        """
        desk.spend(who)
        async with a_place(desk.darkroom, within_s=desk.settings.upload_within_s):
            form = await read_form(request, limit)
            if form.report is None:
                raise problems.invalid("report", "the part is missing", "缺少 report 部分")
            if not form.uploads:
                raise problems.invalid("photo", "at least one photo", "至少需要一张照片")
            ticket = parse(Ticket, form.report)
            sender = desk.sender(who, source=ticket.source, city=ticket.city)
            pictures = [
                await develop(desk.darkroom, upload, field=f"photo.{number}")
                for number, upload in enumerate(form.uploads)
            ]
            draft = desk.read(ticket, sender, [_snapshot(picture, sender) for picture in pictures])
            await desk.check_photos(ticket.photos)
            if is_dry_run(request):
                await desk.check_id(draft.report.report_id, draft.report.digest)
                return answer(taken(draft.report, draft, dry_run=True))
            return answer(taken(await desk.take(draft, pictures), draft))


def _snapshot(picture: Picture, sender: Sender) -> Snapshot:
    told = picture.told
    position = None
    if told.longitude is not None and told.latitude is not None:
        position = Position(x=told.longitude, y=told.latitude, crs="wgs84")
    return Snapshot(picture.ref, picture.upload, position, told.taken_at(sender.city.zone))
