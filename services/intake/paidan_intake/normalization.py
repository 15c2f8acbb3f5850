"""Normalizes a ticket into a report: id, class, location, masking of personal data. Pure; nothing is stored."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from paidan_contracts import ids
from paidan_contracts.city import City
from paidan_contracts.city.organisation import Source
from paidan_contracts.pii_mask import MaskedKind, MaskedText, mask
from paidan_contracts.reports import ReportReceived
from paidan_intake.locations import is_known_district
from paidan_intake.notes import Note
from paidan_intake.resolution import AttachedPhoto, Resolved, resolve
from paidan_intake.tickets import Reporter, Ticket


@dataclass(frozen=True, slots=True)
class Sender:
    """The source and the city that an API key reports for."""

    source: Source
    city: City
    may_backdate: bool = False


@dataclass(frozen=True, slots=True)
class RefusedTicket:
    """Why a ticket cannot be accepted; ``field`` names the part at fault."""

    code: str
    field: str
    message: str
    message_zh: str
    is_forbidden: bool = False


@dataclass(frozen=True, slots=True)
class VaultContent:
    """The personal part of a report, which is stored encrypted: the reporter, and the texts before masking."""

    reporter: Reporter | None
    text: str
    address: str | None
    secrecy: bool
    category: str | None = None
    """The category before masking, where personal data was masked in it."""


@dataclass(frozen=True, slots=True)
class NormalizedReport:
    """A report before acceptance. A repeat will get the area and times of the first report under its id."""

    report: ReportReceived
    vault_content: VaultContent | None
    masked_counts: dict[MaskedKind, int]
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class _MaskedTexts:
    """The texts of a ticket after masking."""

    text: MaskedText
    address: MaskedText
    category: MaskedText

    def counts(self) -> dict[MaskedKind, int]:
        total: Counter[MaskedKind] = Counter()
        for each in (self.text, self.address, self.category):
            total.update(each.counts)
        return dict(total)


def normalize(
    ticket: Ticket, sender: Sender, now: datetime, photos: Sequence[AttachedPhoto] = ()
) -> NormalizedReport | RefusedTicket:
    """Return the report that a ticket becomes in its city, or why it is refused.

    An unknown category or place is no reason to refuse a resident's report: it is accepted with a note.
    """
    if refusal := _find_refusal(ticket, sender, photos):
        return refusal
    texts = _mask_texts(ticket, sender)
    resolved = resolve(ticket, sender.city, sender.source, photos, address=texts.address.text or None, now=now)
    return NormalizedReport(
        report=_build_report(ticket, sender, now, photos, resolved, texts),
        vault_content=_vault_content(ticket, texts),
        masked_counts=texts.counts(),
        notes=resolved.notes,
    )


def ticket_digest(ticket: Ticket, city: str, photos: Sequence[AttachedPhoto] = ()) -> str:
    """Return a hash of the ticket's content, whatever its field order and explicit defaults.

    It includes photos as they were uploaded, but not the time of receipt, nor the source, which is part of the id.
    """
    content = ticket.model_dump_json(exclude_defaults=True, exclude={"source", "city"}).encode()
    return hashlib.sha256(
        b"\n".join([city.encode(), content, *(photo.upload_digest.encode() for photo in photos)])
    ).hexdigest()


def _find_refusal(ticket: Ticket, sender: Sender, photos: Sequence[AttachedPhoto]) -> RefusedTicket | None:
    says = ticket.text or ticket.category or ticket.class_code or ticket.address or ticket.position
    if not says and not ticket.photos and not photos:
        return RefusedTicket(
            "invalid", "text",
            "the report says nothing: send at least one of text, category, class_code, position, address, photos",
            "上报没有内容：text、category、class_code、position、address、photos 至少填写一项",
        )  # fmt: skip
    if sender.source.kind == "camera" and ticket.past is None:
        return RefusedTicket(
            "screened_source", "source", "send a camera's alarms to /v1/alarms, where they are screened",
            "摄像头告警请提交到 /v1/alarms，须先经筛选",
        )  # fmt: skip
    if ticket.past is not None and not sender.may_backdate:
        return RefusedTicket(
            "past_not_allowed", "past", "the key has no backdate scope", "该密钥无补录权限", is_forbidden=True
        )  # fmt: skip
    if ticket.district is not None and not is_known_district(sender.city, ticket.district):
        return RefusedTicket("unknown_district", "district", "the city has no such district", "该城市没有此区划代码")
    return None


def _mask_texts(ticket: Ticket, sender: Sender) -> _MaskedTexts:
    reporter = ticket.reporter
    personal_values = [each for each in (reporter.name, reporter.phone, reporter.address) if each] if reporter else []
    return _MaskedTexts(
        mask(ticket.text, reporter_terms=personal_values),
        mask(ticket.address or "", reporter_terms=personal_values),
        _mask_category(ticket, sender, personal_values),
    )


def _mask_category(ticket: Ticket, sender: Sender, personal_values: Sequence[str]) -> MaskedText:
    category = ticket.category or ""
    # A category of the pack is not personal data, whatever its digits; any other one is free text.
    is_known = (sender.source.id, category) in sender.city.categories
    return MaskedText(category) if is_known else mask(category, reporter_terms=personal_values)


def _build_report(
    ticket: Ticket,
    sender: Sender,
    now: datetime,
    photos: Sequence[AttachedPhoto],
    resolved: Resolved,
    texts: _MaskedTexts,
) -> ReportReceived:
    report_id = ids.report_id(sender.source.id, ticket.source_ref)
    occurred_at = resolved.occurred_at
    return ReportReceived(
        report_id=report_id,
        source=sender.source.id,
        source_ref=ticket.source_ref,
        channel=sender.source.kind,
        city=sender.city.id,
        area=resolved.geocoded.area,
        city_version=sender.city.version,
        digest=ticket_digest(ticket, sender.city.id, photos),
        matter=resolved.matter,
        category=texts.category.text if ticket.category is not None else None,
        class_code=resolved.classified.class_code,
        row_id=resolved.classified.row_id,
        suggested_owner=ticket.suggested_owner,
        place=resolved.geocoded.place,
        text=texts.text.text,
        photos=(*ticket.photos, *(photo.ref for photo in photos)),
        reporter=report_id if ticket.reporter else None,
        wants_callback=ticket.wants_callback,
        occurred_at=occurred_at,
        recorded_at=min(occurred_at, now) if sender.may_backdate else now,
        past=ticket.past,
    )


def _vault_content(ticket: Ticket, texts: _MaskedTexts) -> VaultContent | None:
    category = ticket.category if texts.category.counts else None
    if ticket.reporter or ticket.text or ticket.address or ticket.secrecy or category:
        return VaultContent(ticket.reporter, ticket.text, ticket.address, ticket.secrecy, category)
    return None
