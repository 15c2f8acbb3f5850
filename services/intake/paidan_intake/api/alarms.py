"""Alarms over HTTP: put on the topic on which all alarms travel, and screened there."""

from fastapi import FastAPI
from starlette.responses import Response

from paidan_chassis.consumer.errors import Unacknowledged
from paidan_chassis.edge import problems
from paidan_chassis.edge.app import Call, hot_route
from paidan_chassis.edge.problems import Problem
from paidan_contracts.reports import AlarmRaised
from paidan_contracts.wire import SCREENED
from paidan_intake.alarms import ReadAlarm, digest, read_alarm
from paidan_intake.api.context import Desk, answer, is_dry_run
from paidan_intake.api.models import Alarm, Note, Taken
from paidan_intake.messages import alarm_message


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Put the alarm route on the edge."""

    async def take_alarm(call: Call[Alarm]) -> Response:
        """Take one firing of a camera or sensor. What becomes of it: GET /v1/reports/{report_id}."""
        desk.spend(call.principal)
        alarm = call.body
        sender = desk.sender(call.principal, source=alarm.source, city=alarm.city)
        if sender.source.kind not in SCREENED:
            raise Problem(
                422, "not_screened", "this source's reports go to /v1/tickets", "该来源不是告警设备", "source"
            )
        await desk.check_photos(alarm.photos)
        read = read_alarm(alarm.raised(sender.source.id, sender.city.id, sender.source.crs), sender.city)
        said = _masked(read)
        # As it will be read off the topic. What comes twice within a moment is told apart there, where no answer goes.
        await desk.check_id(read.report_id, digest(said, sender.city.id), field="alarm_ref")
        if is_dry_run(call.request):
            return answer(_taken(read, dry_run=True))
        try:
            message = alarm_message(said, read.report_id)
            await desk.publisher.send([message], within_s=desk.settings.answer_within_s)
        except Unacknowledged:
            raise problems.unavailable() from None
        return answer(_taken(read))

    hot_route(app, "/v1/alarms/generic", take_alarm, model=Alarm, answers=Taken)


def _masked(read: ReadAlarm) -> AlarmRaised:
    return read.alarm.model_copy(update={"text": read.text.text, "address": read.address.text or None})


def _taken(read: ReadAlarm, *, dry_run: bool = False) -> Taken:
    place = read.placed.place
    return Taken(
        report_id=read.report_id,
        source=read.alarm.source,
        source_ref=read.alarm.alarm_ref,
        city=read.city.id,
        area=read.placed.area,
        class_code=read.kind.class_code,
        row_id=read.kind.row_id,
        district=place.district,
        street=place.street,
        community=place.community,
        grid=place.grid,
        longitude=place.longitude,
        latitude=place.latitude,
        photos=read.alarm.photos,
        masked=dict(read.text.found),
        notes=_notes(read),
        text=read.text.text if dry_run else None,
        dry_run=dry_run,
    )


def _notes(read: ReadAlarm) -> tuple[Note, ...]:
    told: list[tuple[bool, Note]] = [
        (read.kind.unknown, "unknown_category"),
        (read.placed.place.raw is None, "no_position"),
        (read.placed.outside, "position_outside_city"),
    ]
    return tuple(note for holds, note in told if holds)
