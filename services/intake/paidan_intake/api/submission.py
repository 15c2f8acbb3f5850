"""Submitting one report over HTTP: ``POST /v1/tickets``, and the steps that batches, photo reports and alarms share."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import FastAPI, Path
from pydantic import ValidationError

from paidan_chassis.clock import Clock
from paidan_chassis.database import Pool
from paidan_chassis.edge import problems, query
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import hot_route
from paidan_chassis.edge.change_watch import ChangeWatch
from paidan_chassis.edge.hot_routes import HotRequest, PreparedResponse
from paidan_chassis.edge.problems import Problem
from paidan_chassis.encryption import Cipher
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.observability.metrics import Metrics
from paidan_contracts.nearest import nearest
from paidan_contracts.pii_mask import total_by_kind
from paidan_contracts.reports import ReportReceived
from paidan_contracts.scopes import ALL_CITIES, covers_city, grants_of
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_contracts.wire import Id
from paidan_intake.acceptance import IdReused, NotStored, ReportWriter
from paidan_intake.api.checks import check_id, check_photos, digest_key_missing, id_reused
from paidan_intake.api.models import AcceptedReport
from paidan_intake.city_packs import PackCache
from paidan_intake.normalization import NormalizedReport, RefusedTicket, Sender, normalize
from paidan_intake.photo_pool import PhotoPool
from paidan_intake.photos import PhotoStore, SanitizedPhoto
from paidan_intake.report_digest import DigestKeys, UnknownDigestKey
from paidan_intake.resolution import AttachedPhoto
from paidan_intake.settings import Settings
from paidan_intake.signed_links import LinkSigner
from paidan_intake.tickets import Ticket

ReportIdParam = Annotated[Id, Path(description="Id of a report, as it was answered: a UUID in lower case.")]


_unvalidated_answer: Final = unvalidated_constructor(AcceptedReport)


@dataclass(frozen=True, slots=True)
class ApiContext:
    """The opened resources that routes use."""

    settings: Settings
    pool: Pool
    clock: Clock
    packs: PackCache
    writer: ReportWriter
    publisher: Publisher
    photo_pool: PhotoPool
    photo_store: PhotoStore
    cipher: Cipher
    digest_keys: DigestKeys
    link_signer: LinkSigner
    metrics: Metrics
    watch: ChangeWatch[str]
    """Of reports, by id."""


def add_routes(app: FastAPI, context: ApiContext) -> None:
    """Add the ticket route to the app."""
    hot_route(
        app,
        "/v1/tickets",
        _ticket_handler(context),
        name="take_ticket",
        model=Ticket,
        response_model=AcceptedReport,
        query=(query.DRY_RUN_PARAMETER,),
    )


def _ticket_handler(context: ApiContext) -> Callable[[HotRequest[Ticket]], Awaitable[PreparedResponse]]:
    async def submit_ticket(hot_request: HotRequest[Ticket]) -> PreparedResponse:
        """Accept a report. 202 once it is stored; after any other answer, send it again with the same source_ref."""
        ticket = hot_request.body
        sender = resolve_sender(hot_request.principal, context.packs, source=ticket.source, city=ticket.city)
        normalized = normalize_ticket(context, ticket, sender)
        if ticket.photos:
            await check_photos(context.pool, ticket.photos, sender, hot_request.principal)
        if hot_request.is_dry_run:
            await check_id(context.pool, normalized.report.report_id, normalized.digest)
            return accepted_answer(accepted_body(normalized.report, normalized, dry_run=True))
        return accepted_answer(accepted_body(await accept(context, normalized), normalized))

    return submit_ticket


def resolve_sender(caller: Principal, packs: PackCache, *, source: str | None, city: str | None) -> Sender:
    """Return the source and the city that a key reports for; raise 403 or 422 when the message names others.

    Only an importer's key may report for any source that the message names.
    """
    grants = grants_of(caller.scopes)
    if grants.source is not None:
        if source not in (None, grants.source):
            raise Problem(403, "not_your_source", "the key belongs to another source", "密钥与来源不符", "source")
        source = grants.source
    elif "importer" not in grants.roles:
        raise problems.forbidden("the key has no source", "该密钥不代表任何来源")
    elif source is None:
        raise Problem(
            422,
            "source_missing",
            "the source is required, because the key has none",
            "须注明来源，因为该密钥未限定来源",
            "source",
        )
    found = packs.current.get(_resolve_city_id(caller, packs, source, city))
    if found is None:
        named = city or caller.city
        hint = nearest(named, [each for each in packs.current if covers_city(caller.city, each)])
        raise Problem(
            422, "unknown_city", f"no pack of the city {named} is published{hint.en}",
            f"城市 {named} 没有已发布的配置包{hint.zh}", "city",
        )  # fmt: skip
    if source not in found.sources:
        hint = nearest(source, found.sources)
        raise Problem(
            422, "unknown_source", f"the city has no source {source}{hint.en}", f"该城市没有来源 {source}{hint.zh}",
            "source",
        )  # fmt: skip
    return Sender(found.sources[source], found, grants.may_backdate)


def _resolve_city_id(caller: Principal, packs: PackCache, source: str, city: str | None) -> str:
    if not packs.current:
        raise problems.unavailable()
    if city is not None:
        if not covers_city(caller.city, city):
            raise Problem(403, "not_your_city", "the key is for another city", "密钥不适用于该城市", "city")
        return city
    if caller.city in packs.current or caller.city != ALL_CITIES:
        return caller.city
    candidates = packs.cities_with_source(source)
    if len(candidates) != 1:
        raise Problem(422, "city_missing", "the city is required", "请注明城市", "city")
    return candidates[0].id


def normalize_ticket(
    context: ApiContext, ticket: Ticket, sender: Sender, photos: Sequence[AttachedPhoto] = ()
) -> NormalizedReport:
    """Return the report that a ticket becomes, or raise 403 or 422 naming the field at fault."""
    try:
        normalized = normalize(ticket, sender, context.clock.now(), photos, digest_keys=context.digest_keys)
    except ValidationError as error:
        # A report may be narrower than ticket and photos together: 20 photos, whether sent before or along.
        errors = error.errors(include_url=False, include_input=False)
        raise problems.from_validation_errors(errors) from None
    if isinstance(normalized, RefusedTicket):
        status = 403 if normalized.is_forbidden else 422
        raise Problem(status, normalized.code, normalized.message, normalized.message_zh, normalized.field)
    return normalized


async def accept(
    context: ApiContext, normalized: NormalizedReport, photos: Sequence[SanitizedPhoto] = ()
) -> ReportReceived:
    """Store and publish a report, or raise 409 or 503; return it with its final area and times."""
    try:
        return await context.writer.write(normalized, photos)
    except IdReused:
        raise id_reused() from None
    except UnknownDigestKey as error:
        raise digest_key_missing(error) from None
    except NotStored:
        raise problems.unavailable() from None


def accepted_body(report: ReportReceived, normalized: NormalizedReport, *, dry_run: bool = False) -> AcceptedReport:
    """Return the answer to a report: the class, area and place that it was given."""
    place = report.place
    rule = normalized.noting_rule if dry_run else None
    return _unvalidated_answer(
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
        masked=total_by_kind(normalized.masked) if normalized.masked else {},
        masked_in={name: dict(counts) for name, counts in normalized.masked.items()},
        notes=tuple([note.code for note in normalized.notes]),
        note_details=normalized.notes,
        text=report.text if dry_run else None,
        stands="noted" if rule else None,
        reason=rule,
        recorded_at=None if dry_run else report.recorded_at,
        dry_run=dry_run,
    )


def accepted_answer(body: AcceptedReport) -> PreparedResponse:
    """Return the HTTP answer to one report: 202, or 200 after a dry run."""
    # Straight from the serializer: model_dump_json decodes the bytes, only for us to encode them.
    content: bytes = AcceptedReport.__pydantic_serializer__.to_json(body, exclude_defaults=True)
    return PreparedResponse(200 if body.dry_run else 202, content)
