"""Photo routes: uploading proof of work, downloading photos, and signed links to them."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, TypeVar, get_args

from fastapi import FastAPI, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from paidan_chassis.clock import real_now
from paidan_chassis.database import DB_ERRORS
from paidan_chassis.edge import problems, query
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import Caller, read_body
from paidan_chassis.edge.middleware import authenticate
from paidan_chassis.errors import Unacknowledged
from paidan_contracts import ids
from paidan_contracts.actions import Actor
from paidan_contracts.inbox import PhotoStored
from paidan_contracts.scopes import ALL_CITIES, covers_city, grants_of
from paidan_contracts.wire import CaseId, PhotoRef
from paidan_intake import queries
from paidan_intake.api.access import refuse_beyond_bounds
from paidan_intake.api.checks import DRY_RUN_PARAMETERS
from paidan_intake.api.queries import find_case_bounds, has_order_with_photo, load_photo_bounds, load_photo_holders
from paidan_intake.api.submission import ApiContext
from paidan_intake.api.uploads import is_multipart, read_form, sanitize_upload, upload_slot
from paidan_intake.messages import photo_stored_message
from paidan_intake.photos import SanitizedPhoto

T = TypeVar("T")
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
_UploaderRole = Literal["inspector", "caller", "operator", "importer"]
_ORDER_WAITS_S: Final = (0.2, 0.4, 0.8)
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
    _add_upload_route(app, context)
    _add_photo_route(app, context)
    _add_link_route(app, context)


def _add_upload_route(app: FastAPI, context: ApiContext) -> None:
    @app.post(
        "/v1/photos",
        name="send_photo",
        status_code=201,
        response_model=StoredPhoto,
        openapi_extra=_UPLOAD_OPENAPI,
        max_body_size=None,
    )
    async def upload_photo(
        request: Request,
        caller: Caller,
        case_id: Annotated[CaseId | None, Query(description="The case that the photo is proof of work in.")] = None,
    ) -> Response:
        """Store a photo: the image itself as the body, or a form with one part ``photo``.

        A proof of work names its case; a finish or an inspection of that case may refer to it from then on.
        """
        holder = _holder_of(caller)
        if case_id is not None:
            await _check_case(context, caller, case_id)
        async with upload_slot(context.photo_pool, caller.key_id, timeout_s=context.settings.upload_within_s):
            photo = await sanitize_upload(context.photo_pool, await _read_upload(request, context), field="photo")
            if not query.is_dry_run(request.scope):
                await _store_photo(context, photo, holder, caller.city)
                if case_id is not None:
                    await _publish_proof(context, caller, photo.ref, case_id)
        link = context.link_signer.sign(photo.ref, real_now() + timedelta(seconds=context.settings.link_lasts_s))
        stored = StoredPhoto(
            ref=photo.ref, link=link.path, expires_at=link.expires_at, dry_run=query.is_dry_run(request.scope)
        )
        return JSONResponse(stored.model_dump(mode="json"), 200 if stored.dry_run else 201)


def _add_photo_route(app: FastAPI, context: ApiContext) -> None:
    @app.get("/v1/photos/{ref}", response_class=Response, responses=_IMAGE_RESPONSE)
    async def show_photo(
        request: Request,
        ref: PhotoRefParam,
        expires: Annotated[int | None, Query()] = None,
        signature: Annotated[str | None, Query(max_length=64)] = None,
    ) -> Response:
        """Return a photo, to a key with access to it or by a signed link that has not expired."""
        cached_s = 0
        if expires is None or signature is None:
            await _require_photo_access(context, await authenticate(request), ref)
        elif not context.link_signer.is_valid(ref, expires, signature, real_now()):
            raise problems.forbidden("the link is not valid, or has expired", "链接无效或已过期")
        else:
            cached_s = max(0, int(expires - real_now().timestamp()))
        body = await context.photo_store.load(ref)
        if body is None:
            raise problems.not_found()
        # No cache may show it for longer than the link does.
        cache_control = f"private, max-age={cached_s}, immutable" if cached_s else "private, no-store"
        headers = {"Cache-Control": cache_control, "X-Content-Type-Options": "nosniff"}
        return Response(body, media_type="image/jpeg", headers=headers)


def _add_link_route(app: FastAPI, context: ApiContext) -> None:
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


async def _check_case(context: ApiContext, caller: Principal, case_id: str) -> None:
    """Raise 422 for a case of another city, and 404 for one that is known to lie beyond the bounds of a post."""
    area = ids.area_of(case_id)
    city = context.packs.current.get(ids.city_of(area))
    if city is None or area not in city.areas or not covers_city(caller.city, city.id):
        raise problems.invalid("case_id", "the key's city has no such case", "该密钥所属城市没有此案件")
    grants = grants_of(caller.scopes)
    bounds = await _load(find_case_bounds(context.pool, case_id)) if grants.is_bounded else None
    # What intake has not read of yet, dispatch judges, when the work is finished.
    if bounds is not None and (refusal := refuse_beyond_bounds(grants, [bounds])) is not None:
        raise refusal.problem()


async def _publish_proof(context: ApiContext, caller: Principal, ref: str, case_id: str) -> None:
    """Record that a photo is proof in a case: here, and then in the case's lane, where a finish is judged by it."""
    stored = PhotoStored(
        ref=ref, case_id=case_id, area=ids.area_of(case_id), holder=_actor_of(caller), stored_at=context.clock.now()
    )
    try:
        await queries.save_case_photos(context.pool, [(ref, case_id)])
        await context.publisher.send([photo_stored_message(stored)], timeout_s=context.settings.answer_within_s)
    except (*DB_ERRORS, Unacknowledged):
        raise problems.unavailable() from None


def _actor_of(caller: Principal) -> Actor:
    grants = grants_of(caller.scopes)
    if grants.source is not None:
        return Actor(kind="source", id=grants.source)
    if grants.department is not None:
        return Actor(kind="department", id=grants.department)
    roles: tuple[_UploaderRole, ...] = get_args(_UploaderRole)
    return Actor(kind=next(role for role in roles if grants.has_role(role)), id=caller.key_id)


def _holder_of(caller: Principal) -> str:
    grants = grants_of(caller.scopes)
    if grants.source is not None:
        return f"source:{grants.source}"
    if grants.department is not None:
        return f"department:{grants.department}"
    if grants.has_role(*get_args(_UploaderRole)):
        return f"key:{caller.key_id}"
    raise problems.forbidden()


async def _require_photo_access(context: ApiContext, caller: Principal, ref: str) -> None:
    """Raise 404 unless the key has access to this photo.

    Whoever uploaded it has access, a department also while it has an order in a case that the photo belongs to, and
    staff to the photos of their city; a bounded post to those of cases within its bounds, also of its own department.
    The photo's name alone opens nothing: it stands on ``paidan.cases`` for ever.
    """
    holders = await _load(load_photo_holders(context.pool, ref))
    if not any(city == ALL_CITIES or covers_city(caller.city, city) for city in holders.values()):
        raise problems.not_found()
    if f"key:{caller.key_id}" in holders:
        return
    grants = grants_of(caller.scopes)
    is_own = not holders.keys().isdisjoint((f"source:{grants.source}", f"department:{grants.department}"))
    is_staff = grants.has_role("inspector", "caller", "operator", "monitor")
    if not is_own and not is_staff and not await _has_order(context, ref, grants.department):
        raise problems.not_found()
    bounds = await _load(load_photo_bounds(context.pool, ref)) if grants.is_bounded else []
    if is_own and not bounds:
        return
    if (refusal := refuse_beyond_bounds(grants, bounds)) is not None:
        raise refusal.problem()


async def _load(found: Awaitable[T]) -> T:
    try:
        return await found
    except DB_ERRORS:
        raise problems.unavailable() from None


async def _has_order(context: ApiContext, ref: str, department: str | None) -> bool:
    if department is None:
        return False
    # An order may reach its department a moment before intake has read of it.
    for wait_s in _ORDER_WAITS_S:
        if await _load(has_order_with_photo(context.pool, ref, department)):
            return True
        await asyncio.sleep(wait_s)
    return await _load(has_order_with_photo(context.pool, ref, department))
