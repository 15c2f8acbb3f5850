"""From what a source asked to the one normalized report: identity, class, place, masking. Pure; nothing is stored."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from paidan_contracts import ids
from paidan_contracts.city import City
from paidan_contracts.city.organisation import Source
from paidan_contracts.masking import Kind, Masked, mask
from paidan_contracts.places import RawPosition
from paidan_contracts.reports import ReportReceived
from paidan_intake.api.models import (
    Note,
    Position,
    Reporter,
    Ticket,
)
from paidan_intake.classification import Classified, classify
from paidan_intake.geocoding import Placed, knows_district, place


@dataclass(frozen=True, slots=True)
class Sender:
    """Who reports, by what the key says: one source of one city."""

    source: Source
    city: City
    backdates: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a report cannot be taken as it stands; ``field`` names the part at fault."""

    code: str
    field: str
    message: str
    message_zh: str
    forbidden: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a photo itself says: its reference, what was uploaded, where and when it was taken."""

    ref: str
    upload: str
    position: Position | None = None
    taken_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Private:
    """What stays in the vault: the person, and the words as they came."""

    reporter: Reporter | None
    text: str
    address: str | None
    secrecy: bool
    category: str | None = None
    """Where it did not travel as it came."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A report read and not yet taken. ``report`` bears the stamps it gets if it is the first under its id."""

    report: ReportReceived
    private: Private | None
    masked: dict[Kind, int]
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class _Words:
    """What was said, fit to travel."""

    text: Masked
    address: Masked
    category: Masked

    def found(self) -> dict[Kind, int]:
        total: Counter[Kind] = Counter()
        for each in (self.text, self.address, self.category):
            total.update(each.found)
        return dict(total)


@dataclass(frozen=True, slots=True)
class _Read:
    kind: Classified
    placed: Placed
    words: _Words


def receive(ticket: Ticket, sender: Sender, now: datetime, photos: Sequence[Snapshot] = ()) -> Draft | Refused:
    """Read a ticket as its city reads it, or say which field is wrong.

    A kind or a place that nobody knows is no reason to refuse a resident: it is taken and noted.
    """
    city, source = sender.city, sender.source
    if refused := _refusal(ticket, sender):
        return refused
    kind = classify(city, source.id, ticket.category, class_code=ticket.class_code, condition=ticket.condition)
    position = ticket.position or next((photo.position for photo in photos if photo.position), None)
    words = _masked(ticket, sender)
    placed = place(city, _raw(position, source), district=ticket.district, address=words.address.text or None)
    read = _Read(kind, placed, words)
    return Draft(
        report=_report(ticket, sender, now, photos, read),
        private=_private(ticket, words),
        masked=words.found(),
        notes=_notes(ticket, kind, placed, from_photo=position is not None and ticket.position is None),
    )


def digest(ticket: Ticket, city: str, photos: Sequence[Snapshot] = ()) -> str:
    """Fingerprint what the sender said, in whatever order and with whichever defaults it was written out.

    Our stamps are not in it, nor who it came from: that is part of the id. Photos count as they were uploaded.
    """
    said = ticket.model_dump_json(exclude_defaults=True, exclude={"source", "city"}).encode()
    return hashlib.sha256(b"\n".join([city.encode(), said, *(photo.upload.encode() for photo in photos)])).hexdigest()


def _refusal(ticket: Ticket, sender: Sender) -> Refused | None:
    if sender.source.kind == "camera" and ticket.past is None:
        return Refused(
            "screened_source", "source", "a camera's alarms go to /v1/alarms, where they are screened",
            "摄像头告警请提交到 /v1/alarms，须先经筛选",
        )  # fmt: skip
    if ticket.past is not None and not sender.backdates:
        return Refused(
            "past_not_allowed", "past", "the key has no backdate scope", "该密钥无补录权限", forbidden=True
        )  # fmt: skip
    if ticket.district is not None and not knows_district(sender.city, ticket.district):
        return Refused("unknown_district", "district", "the city has no such district", "该城市没有此区划代码")
    return None


def _masked(ticket: Ticket, sender: Sender) -> _Words:
    person = ticket.reporter
    own = [each for each in (person.name, person.phone, person.address) if each] if person else []
    return _Words(mask(ticket.text, own=own), mask(ticket.address or "", own=own), _category(ticket, sender, own))


def _category(ticket: Ticket, sender: Sender, own: Sequence[str]) -> Masked:
    word = ticket.category or ""
    # A word that the pack has is nobody's number, whatever its digits; any other is free text.
    known = sender.city.category(sender.source.id, word) is not None
    return Masked(word) if known else mask(word, own=own)


def _raw(position: Position | None, source: Source) -> RawPosition | None:
    return RawPosition(x=position.x, y=position.y, crs=position.crs or source.crs) if position else None


def _report(ticket: Ticket, sender: Sender, now: datetime, photos: Sequence[Snapshot], read: _Read) -> ReportReceived:
    report_id = ids.report_id(sender.source.id, ticket.source_ref)
    occurred_at = ticket.occurred_at or next((photo.taken_at for photo in photos if photo.taken_at), now)
    return ReportReceived(
        report_id=report_id,
        source=sender.source.id,
        source_ref=ticket.source_ref,
        channel=sender.source.kind,
        city=sender.city.id,
        area=read.placed.area,
        city_version=sender.city.version,
        digest=digest(ticket, sender.city.id, photos),
        matter=ticket.matter,
        category=read.words.category.text if ticket.category is not None else None,
        class_code=read.kind.class_code,
        row_id=read.kind.row_id,
        suggested_owner=ticket.suggested_owner,
        place=read.placed.place,
        text=read.words.text.text,
        photos=(*ticket.photos, *(photo.ref for photo in photos)),
        reporter=report_id if ticket.reporter else None,
        wants_callback=ticket.wants_callback,
        occurred_at=occurred_at,
        recorded_at=min(occurred_at, now) if sender.backdates else now,
        past=ticket.past,
    )


def _private(ticket: Ticket, words: _Words) -> Private | None:
    category = ticket.category if words.category.found else None
    if ticket.reporter or ticket.text or ticket.address or ticket.secrecy or category:
        return Private(ticket.reporter, ticket.text, ticket.address, ticket.secrecy, category)
    return None


def _notes(ticket: Ticket, kind: Classified, placed: Placed, *, from_photo: bool) -> tuple[Note, ...]:
    told: list[tuple[bool, Note]] = [
        (kind.unknown, "unknown_class" if ticket.class_code else "unknown_category"),
        (placed.place.raw is None, "no_position"),
        (placed.outside, "position_outside_city"),
        (from_photo, "position_from_photo"),
    ]
    return tuple(note for holds, note in told if holds)
