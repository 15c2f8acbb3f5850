"""What every route of intake does: tell who sends, obey limits, take or try, answer."""

import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
from fastapi import Request
from pydantic import ValidationError
from starlette.responses import Response

from paidan_chassis.clock import Clock
from paidan_chassis.database import DB_ERRORS
from paidan_chassis.edge import problems
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.problems import Problem
from paidan_chassis.encryption import Cipher
from paidan_chassis.kafka.producer import Publisher
from paidan_contracts.reports import ReportReceived
from paidan_intake import photo_queries, queries
from paidan_intake.acceptance import IdReused, NotStored, ReportWriter
from paidan_intake.api.models import AcceptedReport, Ticket
from paidan_intake.city_packs import PackCache
from paidan_intake.normalization import (
    AttachedPhoto,
    NormalizedReport,
    RefusedTicket,
    Sender,
    normalize,
)
from paidan_intake.photos import PhotoPool, PhotoStore, SanitizedPhoto
from paidan_intake.rate_limit import TokenBuckets
from paidan_intake.settings import Settings
from paidan_intake.signed_links import LinkSigner

_TRUE_VALUES: Final = frozenset({"true", "1", "yes", ""})
_FALSE_VALUES: Final = frozenset({"false", "0", "no"})
DRY_RUN_PARAMETER: Final[Mapping[str, Any]] = {
    "parameters": [
        {
            "name": "dry-run",
            "in": "query",
            "schema": {"type": "boolean", "default": False},
            "description": "Validate and answer, and store nothing.",
        }
    ]
}


@dataclass(frozen=True, slots=True)
class ApiContext:
    """What the routes work with."""

    settings: Settings
    pool: "asyncpg.Pool[Any]"
    clock: Clock
    packs: PackCache
    writer: ReportWriter
    publisher: Publisher
    photo_pool: PhotoPool
    photo_store: PhotoStore
    cipher: Cipher
    link_signer: LinkSigner
    rate_limiter: TokenBuckets

    def resolve_sender(self, caller: Principal, *, source: str | None, city: str | None) -> Sender:
        """Name who sends by what the key says; what the message claims must agree."""
        return resolve_sender(caller, self.packs, source=source, city=city)

    def check_rate(self, caller: Principal, report_count: int = 1) -> None:
        """Count what a key sends; raises 429 when it is too much."""
        wait_s = self.rate_limiter.consume(caller.key_id, report_count, time.monotonic())
        if wait_s > 0:
            raise Problem(
                429, "too_many_requests", "this key sends too much", "请求过于频繁", retry_after_s=math.ceil(wait_s)
            )

    def normalize(self, ticket: Ticket, sender: Sender, photos: Sequence[AttachedPhoto] = ()) -> NormalizedReport:
        """Read a ticket, or raise the problem that names its wrong field."""
        try:
            normalized = normalize(ticket, sender, self.clock.now(), photos)
        except ValidationError as error:
            # A report may be narrower than ticket and photos together: 20 photos, whether sent before or along.
            errors = error.errors(include_url=False, include_context=False, include_input=False)
            raise problems.from_validation_errors(errors) from None
        if isinstance(normalized, RefusedTicket):
            raise Problem(
                403 if normalized.is_forbidden else 422,
                normalized.code,
                normalized.message,
                normalized.message_zh,
                normalized.field,
            )
        return normalized

    async def accept(self, normalized: NormalizedReport, photos: Sequence[SanitizedPhoto] = ()) -> ReportReceived:
        """Take a report for good, or raise 409 or 503."""
        try:
            return await self.writer.write(normalized, photos)
        except IdReused:
            raise _id_reused() from None
        except NotStored:
            raise problems.unavailable() from None

    async def check_id(self, report_id: str, digest: str, *, field: str = "source_ref") -> None:
        """Raise 409 when another report had this id: what taking would find out, asked without taking."""
        try:
            known = await queries.load_known_reports(self.pool, [report_id])
        except DB_ERRORS:
            raise problems.unavailable() from None
        if known and known[report_id].digest != digest:
            raise _id_reused(field)

    async def check_photos(self, refs: Collection[str]) -> None:
        """Raise 422 unless each photo was sent before."""
        if not refs:
            return
        try:
            missing = await photo_queries.find_missing(self.pool, refs)
        except DB_ERRORS:
            raise problems.unavailable() from None
        if missing:
            raise Problem(422, "unknown_photo", "no such photo was sent", "照片不存在，请先上传", "photos")


def _id_reused(field: str = "source_ref") -> Problem:
    return Problem(409, "id_reused", "another report had this id", "该编号已被其他上报使用", field)


def resolve_sender(caller: Principal, packs: PackCache, *, source: str | None, city: str | None) -> Sender:
    """Name the source and the city that a key speaks for. Only an importer may speak for a source it names itself."""
    if caller.source is not None:
        if source not in (None, caller.source):
            raise Problem(403, "not_your_source", "the key speaks for another source", "密钥与来源不符", "source")
        source = caller.source
    elif not caller.has_role("importer"):
        raise problems.forbidden("the key speaks for no source", "该密钥不代表任何来源")
    elif source is None:
        raise Problem(422, "source_missing", "name the source, for the key names none", "请注明来源", "source")
    found = packs.current.get(_resolve_city_id(caller, packs, source, city))
    if found is None:
        raise Problem(422, "unknown_city", "no such city is published", "没有此城市", "city")
    if source not in found.sources:
        raise Problem(422, "unknown_source", "the city has no such source", "该城市没有此来源", "source")
    return Sender(found.sources[source], found, caller.may_backdate)


def _resolve_city_id(caller: Principal, packs: PackCache, source: str, city: str | None) -> str:
    if not packs.current:
        raise problems.unavailable()
    if city is not None:
        if not caller.covers_city(city):
            raise Problem(403, "not_your_city", "the key is for another city", "密钥不适用于该城市", "city")
        return city
    if caller.city in packs.current or caller.city != "*":
        return caller.city
    candidates = packs.cities_with_source(source)
    if len(candidates) != 1:
        raise Problem(422, "city_missing", "name the city", "请注明城市", "city")
    return candidates[0].id


def is_dry_run(request: Request) -> bool:
    """Read ``?dry-run=true``; a word that is neither yes nor no must not be taken for either."""
    value = request.query_params.get("dry-run", "false").lower()
    if value not in _TRUE_VALUES | _FALSE_VALUES:
        raise problems.invalid("dry-run", "true or false", "应为 true 或 false")
    return value in _TRUE_VALUES


def accepted_body(report: ReportReceived, normalized: NormalizedReport, *, dry_run: bool = False) -> AcceptedReport:
    """Answer with what a report was read as."""
    place = report.place
    return AcceptedReport(
        report_id=report.report_id,
        source=report.source,
        source_ref=report.source_ref,
        city=report.city,
        area=report.area,
        class_code=report.class_code,
        row_id=report.row_id,
        district=place.district,
        street=place.street,
        community=place.community,
        grid=place.grid,
        longitude=place.longitude,
        latitude=place.latitude,
        photos=report.photos,
        masked=dict(normalized.masked_counts),
        notes=normalized.notes,
        text=report.text if dry_run else None,
        recorded_at=None if dry_run else report.recorded_at,
        dry_run=dry_run,
    )


def accepted_response(body: AcceptedReport) -> Response:
    """Write the answer to one report: 202 when it was taken, 200 when it was only tried."""
    content = body.model_dump_json(exclude_defaults=True)
    return Response(content, 200 if body.dry_run else 202, media_type="application/json")
