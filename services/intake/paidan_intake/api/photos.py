"""Photo routes: uploading proof of work, downloading photos, and signed links to them."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import FastAPI, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from paidan_chassis.clock import real_now
from paidan_chassis.database import DB_ERRORS
from paidan_chassis.edge import problems
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import Caller, read_body
from paidan_chassis.edge.middleware import authenticate
from paidan_contracts.scopes import ALL_CITIES, covers_city, grants_of
from paidan_contracts.wire import PhotoRef
from paidan_intake import queries
from paidan_intake.api.checks import DRY_RUN_PARAMETERS
from paidan_intake.api.queries import load_photo_holders
from paidan_intake.api.submission import ApiContext, is_dry_run
from paidan_intake.api.uploads import is_multipart, read_form, sanitize_upload, upload_slot
from paidan_intake.photos import SanitizedPhoto

PhotoRefParam = Annotated[PhotoRef, Path(description="Reference of a photo: the SHA-256 of its bytes, and .jpg.")]
_UPLOAD_OPENAPI: Final[dict[str, Any]] = {
    **DRY_RUN_PARAMETERS,
    "requestBody": {
        "required": True,
        "content": {
            each: {"schema": {"type": "string", "format": "binary"}}
            for each in ("image/jpeg", "image/png", "image/webp")
        },
    },
}
_IMAGE_RESPONSE: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"image/jpeg": {}}}}


class StoredPhoto(BaseModel, title="PhotoKept"):
    """The reference of a stored photo, and a link that opens it until it expires."""

    ref: PhotoRef
    link: str
    expires_at: datetime
    dry_run: bool = False


class PhotoLink(BaseModel):
    """A link that opens one photo without a key, until it expires."""

    link: str = Field(description="Path on this service.")
    expires_at: datetime


def add_routes(app: FastAPI, context: ApiContext) -> None:
    """Add the photo routes to the app."""

    @app.post(
        "/v1/photos",
        name="send_photo",
        status_code=201,
        response_model=StoredPhoto,
        openapi_extra=_UPLOAD_OPENAPI,
        max_body_size=None,
    )
    async def upload_photo(request: Request, caller: Caller) -> Response:
        """Store a photo: the image itself as the body, or a form with one part ``photo``."""
        holder = _holder_of(caller)
        async with upload_slot(context.photo_pool, caller.key_id, timeout_s=context.settings.upload_within_s):
            photo = await sanitize_upload(context.photo_pool, await _read_upload(request, context), field="photo")
            if not is_dry_run(request):
                await _store_photo(context, photo, holder, caller.city)
        link = context.link_signer.sign(photo.ref, real_now() + timedelta(seconds=context.settings.link_lasts_s))
        stored = StoredPhoto(ref=photo.ref, link=link.path, expires_at=link.expires_at, dry_run=is_dry_run(request))
        return JSONResponse(stored.model_dump(mode="json"), 200 if stored.dry_run else 201)

    @app.get("/v1/photos/{ref}", response_class=Response, responses=_IMAGE_RESPONSE)
    async def show_photo(
        request: Request,
        ref: PhotoRefParam,
        expires: Annotated[int | None, Query()] = None,
        signature: Annotated[str | None, Query(max_length=64)] = None,
    ) -> Response:
        """Return a photo, to a key with access to it or by a signed link that has not expired."""
        if expires is None or signature is None:
            await _require_photo_access(context, await authenticate(request), ref)
        elif not context.link_signer.is_valid(ref, expires, signature, real_now()):
            raise problems.forbidden("the link is not valid, or has expired", "链接无效或已过期")
        body = await context.photo_store.load(ref)
        if body is None:
            raise problems.not_found()
        headers = {"Cache-Control": "private, max-age=86400, immutable", "X-Content-Type-Options": "nosniff"}
        return Response(body, media_type="image/jpeg", headers=headers)

    @app.post("/v1/photos/{ref}/links", name="link_photo", status_code=201)
    async def create_photo_link(ref: PhotoRefParam, caller: Caller) -> PhotoLink:
        """Create a link to a photo to which the key has access."""
        await _require_photo_access(context, caller, ref)
        link = context.link_signer.sign(ref, real_now() + timedelta(seconds=context.settings.link_lasts_s))
        return PhotoLink(link=link.path, expires_at=link.expires_at)


async def _read_upload(request: Request, context: ApiContext) -> bytes:
    max_bytes = context.settings.photo_bytes
    if not is_multipart(request.headers):
        return await read_body(request, max_bytes)
    form = await read_form(request, max_bytes + 10_000)
    if len(form.uploads) != 1:
        raise problems.invalid("photo", "exactly one photo", "须为一张照片")
    return form.uploads[0]


async def _store_photo(context: ApiContext, photo: SanitizedPhoto, holder: str, city: str) -> None:
    try:
        await queries.save_photo_holder(
            context.pool, [photo.ref], holder=holder, city=city, received_at=context.clock.now()
        )
        await context.photo_store.save(photo)
    except DB_ERRORS:
        raise problems.unavailable() from None


def _holder_of(caller: Principal) -> str:
    grants = grants_of(caller.scopes)
    if grants.source is not None:
        return f"source:{grants.source}"
    if grants.department is not None:
        return f"department:{grants.department}"
    if grants.has_role("inspector", "caller", "operator", "importer"):
        return f"key:{caller.key_id}"
    raise problems.forbidden()


async def _require_photo_access(context: ApiContext, caller: Principal, ref: str) -> None:
    """Raise 404 unless the key has access to this photo.

    A source has access to its own photos; departments and staff to those of their city, because orders refer to photos
    by reference, and a reference cannot be guessed.
    """
    try:
        holders = await load_photo_holders(context.pool, ref)
    except DB_ERRORS:
        raise problems.unavailable() from None
    grants = grants_of(caller.scopes)
    is_own = grants.source is not None and f"source:{grants.source}" in holders
    has_role = grants.department is not None or grants.has_role("inspector", "caller", "operator", "monitor")
    in_covered_city = any(city == ALL_CITIES or covers_city(caller.city, city) for city in holders.values())
    if not (in_covered_city and (is_own or has_role)):
        raise problems.not_found()
