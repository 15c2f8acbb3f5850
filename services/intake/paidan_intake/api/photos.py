"""Photos by themselves: proof sent by departments and inspectors, and photos shown to who may see them."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import FastAPI, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from paidan_chassis.clock import real_now
from paidan_chassis.database import FAULTS
from paidan_chassis.edge import problems
from paidan_chassis.edge.api_keys import EVERY_CITY, Principal
from paidan_chassis.edge.app import Caller, principal, read_body
from paidan_contracts.wire import PhotoRef
from paidan_intake import photo_queries
from paidan_intake.api.context import DRY_RUN, Desk, is_dry_run
from paidan_intake.api.uploads import a_place, develop, is_multipart, read_form
from paidan_intake.photos import Picture

Ref = Annotated[PhotoRef, Path(description="A photo's reference: the sha256 of its bytes, and .jpg.")]
_UPLOAD: Final[dict[str, Any]] = {
    **DRY_RUN,
    "requestBody": {
        "required": True,
        "content": {
            each: {"schema": {"type": "string", "format": "binary"}}
            for each in ("image/jpeg", "image/png", "image/webp")
        },
    },
}
_SHOWN: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"image/jpeg": {}}}}


class PhotoKept(BaseModel):
    """A photo is kept under this reference; the link opens it until it expires."""

    ref: PhotoRef
    link: str
    expires_at: datetime
    dry_run: bool = False


class PhotoLink(BaseModel):
    """A link that opens one photo for whoever holds it, until it expires."""

    link: str = Field(description="A path on this service.")
    expires_at: datetime


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Put the photo routes on the edge."""

    @app.post("/v1/photos", status_code=201, response_model=PhotoKept, openapi_extra=_UPLOAD, max_body_size=None)
    async def send_photo(request: Request, who: Caller) -> Response:
        """Keep one photo: the image itself as the body, or a form with one part ``photo``."""
        desk.spend(who)
        holder = _holder(who)
        async with a_place(desk.darkroom, within_s=desk.settings.upload_within_s):
            picture = await develop(desk.darkroom, await _uploaded(request, desk), field="photo")
            if not is_dry_run(request):
                await _keep(desk, picture, holder, who.city)
        link = desk.signer.link(picture.ref, real_now() + timedelta(seconds=desk.settings.link_lasts_s))
        kept = PhotoKept(ref=picture.ref, link=link.path, expires_at=link.expires_at, dry_run=is_dry_run(request))
        return JSONResponse(kept.model_dump(mode="json"), 200 if kept.dry_run else 201)

    @app.get("/v1/photos/{ref}", response_class=Response, responses=_SHOWN)
    async def show_photo(
        request: Request,
        ref: Ref,
        expires: Annotated[int | None, Query()] = None,
        signature: Annotated[str | None, Query(max_length=64)] = None,
    ) -> Response:
        """Show a photo to a key that may see it, or to whoever holds a signed link that has not expired."""
        if expires is None or signature is None:
            await _check_may_see(desk, await principal(request), ref)
        elif not desk.signer.opens(ref, expires, signature, real_now()):
            raise problems.forbidden("the link is not valid, or has expired", "链接无效或已过期")
        body = await desk.store.read(ref)
        if body is None:
            raise problems.not_found()
        headers = {"Cache-Control": "private, max-age=86400, immutable", "X-Content-Type-Options": "nosniff"}
        return Response(body, media_type="image/jpeg", headers=headers)

    @app.post("/v1/photos/{ref}/links", status_code=201)
    async def link_photo(ref: Ref, who: Caller) -> PhotoLink:
        """Make a link to a photo that the key may see."""
        await _check_may_see(desk, who, ref)
        link = desk.signer.link(ref, real_now() + timedelta(seconds=desk.settings.link_lasts_s))
        return PhotoLink(link=link.path, expires_at=link.expires_at)


async def _uploaded(request: Request, desk: Desk) -> bytes:
    limit = desk.settings.photo_bytes
    if not is_multipart(request.headers):
        return await read_body(request, limit)
    form = await read_form(request, limit + 10_000)
    if len(form.uploads) != 1:
        raise problems.invalid("photo", "exactly one photo", "须为一张照片")
    return form.uploads[0]


async def _keep(desk: Desk, picture: Picture, holder: str, city: str) -> None:
    try:
        await photo_queries.hold(desk.pool, [picture.ref], holder=holder, city=city, at=desk.clock.now())
        await desk.store.save(picture)
    except FAULTS:
        raise problems.unavailable() from None


def _holder(who: Principal) -> str:
    if who.source is not None:
        return f"source:{who.source}"
    if who.department is not None:
        return f"department:{who.department}"
    if who.is_a("inspector", "caller", "operator", "importer"):
        return f"key:{who.key_id}"
    raise problems.forbidden()


async def _check_may_see(desk: Desk, who: Principal, ref: str) -> None:
    """Raise 404 unless the key may see this photo.

    A source sees its own. Departments and staff see those of their city: an order refers to photos by name, and a
    name cannot be guessed.
    """
    try:
        holders = await photo_queries.holders(desk.pool, ref)
    except FAULTS:
        raise problems.unavailable() from None
    own = who.source is not None and f"source:{who.source}" in holders
    theirs = who.department is not None or who.is_a("inspector", "caller", "operator", "monitor")
    here = any(city == EVERY_CITY or who.covers(city) for city in holders.values())
    if not (here and (own or theirs)):
        raise problems.not_found()
