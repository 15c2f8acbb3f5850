"""``POST /v1/alarms/generic``: alarms are published to the topic of all alarms, whose consumer screens them."""

from collections.abc import Sequence

from fastapi import FastAPI

from paidan_chassis.edge import problems, query
from paidan_chassis.edge.app import hot_route
from paidan_chassis.edge.hot_routes import HotRequest, PreparedResponse
from paidan_chassis.edge.problems import Problem
from paidan_chassis.errors import Unacknowledged
from paidan_contracts.pii_mask import total_by_kind
from paidan_contracts.wire import SCREENED_CHANNELS
from paidan_intake.alarms import NormalizedAlarm, normalize_alarm
from paidan_intake.api.checks import check_id, check_photos
from paidan_intake.api.models import AcceptedReport, Alarm
from paidan_intake.api.submission import ApiContext, accepted_answer, resolve_sender
from paidan_intake.messages import alarm_message
from paidan_intake.notes import Note


def add_routes(app: FastAPI, context: ApiContext) -> None:
    """Add the alarm route to the app."""

    async def submit_alarm(hot_request: HotRequest[Alarm]) -> PreparedResponse:
        """Accept an alarm of a camera or sensor. Its outcome: GET /v1/reports/{report_id}."""
        alarm = hot_request.body
        sender = resolve_sender(hot_request.principal, context.packs, source=alarm.source, city=alarm.city)
        if sender.source.kind not in SCREENED_CHANNELS:
            raise Problem(
                422,
                "not_screened",
                "send this source's reports to /v1/tickets",
                "该来源不是告警设备，请将其上报发送至 /v1/tickets",
                "source",
            )
        # Not the key's own: the consumer, which decides, is told of no key.
        await check_photos(context.pool, alarm.photos, sender)
        normalized = normalize_alarm(alarm.to_event(sender.source.id, sender.city), sender.city)
        # With the digest that the consumer computes, which refuses what a repeat in flight makes this check miss.
        await check_id(context.pool, normalized.report_id, normalized.digest, field="alarm_ref")
        notes = normalized.notes(context.clock.now())
        if hot_request.is_dry_run:
            return accepted_answer(_accepted_body(normalized, notes, dry_run=True))
        try:
            own_topic = sender.source.own_topic or False
            message = alarm_message(normalized.masked_alarm, normalized.report_id, own_topic=own_topic)
            await context.publisher.send([message], timeout_s=context.settings.answer_within_s)
        except Unacknowledged:
            raise problems.unavailable() from None
        return accepted_answer(_accepted_body(normalized, notes))

    hot_route(
        app,
        "/v1/alarms/generic",
        submit_alarm,
        name="take_alarm",
        model=Alarm,
        response_model=AcceptedReport,
        query=(query.DRY_RUN_PARAMETER,),
    )


def _accepted_body(normalized: NormalizedAlarm, notes: Sequence[Note], *, dry_run: bool = False) -> AcceptedReport:
    place = normalized.geocoded.place
    fields = {"text": normalized.text, "address": normalized.address, "category": normalized.category}
    masked = {name: dict(found.counts) for name, found in fields.items() if found.counts}
    return AcceptedReport(
        report_id=normalized.report_id,
        source=normalized.alarm.source,
        source_ref=normalized.alarm.alarm_ref,
        city=normalized.city.id,
        area=normalized.geocoded.area,
        class_code=normalized.classified.class_code,
        row_id=normalized.classified.row_id,
        district=place.district,
        street=place.street,
        community=place.community,
        grid=place.grid,
        longitude=place.longitude,
        latitude=place.latitude,
        photos=normalized.alarm.photos,
        masked=total_by_kind(masked),
        masked_in=masked,
        notes=tuple([note.code for note in notes]),
        note_details=tuple(notes),
        text=normalized.text.text if dry_run else None,
        dry_run=dry_run,
    )
