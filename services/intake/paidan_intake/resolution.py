"""Resolves what a ticket states by its city's pack: matter, class, place, time; and notes what it could not. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from paidan_contracts.city import City
from paidan_contracts.city.organisation import Source
from paidan_contracts.places import Place, RawPosition
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_contracts.wire import MatterType
from paidan_intake.classification import Classified, classify, classify_matter
from paidan_intake.locations import Geocoded, geocode
from paidan_intake.notes import Note, make_note
from paidan_intake.occurrence import in_zone, occurrence_time
from paidan_intake.tickets import Position, Ticket

_unvalidated_position: Final = unvalidated_constructor(RawPosition)


@dataclass(frozen=True, slots=True)
class AttachedPhoto:
    """A photo of the report: its reference, the hash of the upload, where and when it was taken."""

    ref: str
    upload_digest: str
    position: Position | None = None
    taken_at: datetime | None = None


class Resolved(NamedTuple):
    """What a ticket means in its city."""

    matter: MatterType | None
    classified: Classified
    geocoded: Geocoded
    occurred_at: datetime
    suggested_owner: str | None
    """None where the city has no such department: the word might be anything, and it would travel unmasked."""
    complained_of: str | None
    notes: tuple[Note, ...]


def resolve(
    ticket: Ticket,
    city: City,
    source: Source,
    photos: Sequence[AttachedPhoto],
    *,
    address: str | None,
    now: datetime,
) -> Resolved:
    """Return what a ticket means in its city, and notes on what could not be determined or was read otherwise."""
    matter = classify_matter(city, source.id, ticket.matter)
    classified = classify(city, source.id, ticket.category, class_code=ticket.class_code, condition=ticket.condition)
    geocoded, from_photo = _geocode_first(ticket, city, source, photos, address)
    notes = _notes(ticket, city, matter, classified, geocoded)
    if from_photo:
        notes.append(make_note("position_from_photo"))
    occurred_at = now
    if ticket.occurred_at is not None:
        stated, note = _stated_time(ticket.occurred_at, city, now, is_past=ticket.past is not None)
        occurred_at = stated or _photo_time(photos, city, now) or now
        notes += [note] if note else []
    elif photos:
        occurred_at = _photo_time(photos, city, now) or now
    owner = ticket.suggested_owner if ticket.suggested_owner in city.departments else None
    complained_of = ticket.complained_of if ticket.complained_of in city.departments else None
    return Resolved(matter, classified, geocoded, occurred_at, owner, complained_of, tuple(notes))


def _geocode_first(
    ticket: Ticket, city: City, source: Source, photos: Sequence[AttachedPhoto], address: str | None
) -> tuple[Geocoded, bool]:
    """Return the place by the ticket's position or, where that is none or no place in the city, by a photo's."""
    stated = geocode(city, _raw_position(ticket.position, source), district=ticket.district, address=address)
    if stated.position_problem is None and ticket.position is not None:
        return stated, False
    for photo in photos:
        if photo.position is not None:
            raw = _raw_position(photo.position, source)
            found = geocode(city, raw, district=ticket.district, address=address)
            if found.position_problem is None or ticket.position is None:
                return found, True
    return stated, False


def _stated_time(stated: datetime, city: City, now: datetime, *, is_past: bool) -> tuple[datetime | None, Note | None]:
    if is_past:
        return in_zone(stated, city.zone), None  # a record may be of any time
    return occurrence_time(stated, city.zone, now)


def _photo_time(photos: Sequence[AttachedPhoto], city: City, now: datetime) -> datetime | None:
    """Return when the first photo was taken whose camera had its clock set."""
    times = (occurrence_time(photo.taken_at, city.zone, now)[0] for photo in photos)
    return next((time for time in times if time is not None), None)


def _notes(
    ticket: Ticket, city: City, matter: MatterType | None, classified: Classified, geocoded: Geocoded
) -> list[Note]:
    notes: list[Note] = []
    if ticket.matter and matter is None:
        notes.append(make_note("unknown_matter"))
    if classified.is_unknown and ticket.class_code:
        notes.append(make_note("unknown_class", value=ticket.class_code))
    elif classified.is_unknown:
        notes.append(make_note("unknown_category"))
    elif ticket.condition and classified.row_id is None:
        notes.append(make_note("unknown_condition", value=ticket.condition))
    place = geocoded.place
    if place.raw is None:
        notes.append(make_note("no_position"))
    elif geocoded.position_problem is not None:
        notes.append(make_note(geocoded.position_problem))
    elif ticket.district and place.district and not _lies_in(city, place, ticket.district):
        notes.append(make_note("district_contradicts_position", value=ticket.district, found=place.district))
    if ticket.suggested_owner and ticket.suggested_owner not in city.departments:
        notes.append(make_note("unknown_owner", value=ticket.suggested_owner))
    if ticket.complained_of and ticket.complained_of not in city.departments:
        notes.append(make_note("unknown_department", value=ticket.complained_of))
    return notes


def _lies_in(city: City, place: Place, code: str) -> bool:
    stated = city.geography.locate_code(code)
    pairs = ((stated.district, place.district), (stated.street, place.street), (stated.community, place.community))
    return all(one is None or other is None or one == other for one, other in pairs)


def _raw_position(position: Position | None, source: Source) -> RawPosition | None:
    return _unvalidated_position(x=position.x, y=position.y, crs=position.crs or source.crs) if position else None
