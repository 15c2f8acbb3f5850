"""Normalizes a ticket into a report: id, class, location, masking of personal data. Pure; nothing is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final, NamedTuple

from paidan_contracts import ids
from paidan_contracts.city import City
from paidan_contracts.city.organisation import Source
from paidan_contracts.nearest import nearest
from paidan_contracts.pii_mask import MaskedText, mask
from paidan_contracts.reports import ReportReceived
from paidan_contracts.text_forms import clean
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_intake.locations import is_known_district
from paidan_intake.notes import Note
from paidan_intake.report_digest import DigestKeys, KnownReport, ReportDigest, digest_ticket
from paidan_intake.resolution import AttachedPhoto, Resolved, resolve
from paidan_intake.tickets import Reporter, Ticket


class Sender(NamedTuple):
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


class NormalizedReport(NamedTuple):
    """A report before acceptance. A repeat will get the area and times of the first report under its id."""

    report: ReportReceived
    digest: ReportDigest
    vault_content: VaultContent | None
    masked: Mapping[str, Mapping[str, int]]
    """How many values of each kind were masked, by field."""
    notes: tuple[Note, ...]
    city: City

    @property
    def noting_rule(self) -> str | None:
        """The pack's rule by which the report will be answered without a case."""
        report = self.report
        if report.past is not None:
            return None
        return self.city.noting_rule(report.source, report.category, report.matter, report.class_code)

    def as_first(self) -> KnownReport:
        """Return this report as the first under its id, by which repeats are judged."""
        report = self.report
        return KnownReport(report.digest, self.digest.version, report.area, report.recorded_at)


_NO_TEXT: Final = MaskedText("")
_unvalidated_report: Final = unvalidated_constructor(ReportReceived)


class _MaskedTexts(NamedTuple):
    """The texts of a ticket after masking."""

    text: MaskedText
    address: MaskedText
    category: MaskedText
    is_known_category: bool

    def without_words(self) -> "_MaskedTexts":
        """Return what travels of a confidential report: its category, where that is one of the pack's."""
        return _MaskedTexts(
            _NO_TEXT, _NO_TEXT, self.category if self.is_known_category else _NO_TEXT, self.is_known_category
        )

    def counts(self) -> dict[str, Mapping[str, int]]:
        fields = {"text": self.text, "address": self.address, "category": self.category}
        return {name: masked.counts for name, masked in fields.items() if masked.counts}


def normalize(
    ticket: Ticket, sender: Sender, now: datetime, photos: Sequence[AttachedPhoto] = (), *, digest_keys: DigestKeys
) -> NormalizedReport | RefusedTicket:
    """Return the report that a ticket becomes in its city, or why it is refused.

    An unknown category or place is no reason to refuse a resident's report: it is accepted with a note. Of a
    confidential one the words, the address and the reporter stay in the vault.
    """
    city = sender.city
    if refusal := _find_refusal(ticket, sender, photos):
        return refusal
    texts = _mask_texts(ticket, sender)
    if ticket.confidential or ticket.secrecy:
        texts = texts.without_words()
    resolved = resolve(ticket, city, sender.source, photos, address=texts.address.text or None, now=now)
    digest = digest_ticket(ticket, city.id, city.zone, [photo.upload_digest for photo in photos], digest_keys)
    return NormalizedReport(
        report=_build_report(ticket, sender, now, photos, resolved, texts=texts, digest=digest.value),
        digest=digest,
        vault_content=_vault_content(ticket, texts),
        masked=texts.counts(),
        notes=resolved.notes,
        city=city,
    )


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
        hint = nearest(ticket.district, [code for code in sender.city.geography.places if code])
        return RefusedTicket(
            "unknown_district", "district", f"the city has no district {ticket.district}{hint.en}",
            f"该城市没有区划代码 {ticket.district}{hint.zh}",
        )  # fmt: skip
    return None


def _mask_texts(ticket: Ticket, sender: Sender) -> _MaskedTexts:
    reporter, terms = ticket.reporter, sender.city.masking
    person = [each for each in (reporter.name, reporter.phone) if each] if reporter else []
    # A category of the pack is not personal data, whatever its digits; any other one is free text.
    category = ticket.category or ""
    is_known = (sender.source.id, category) in sender.city.categories
    # Where the problem is must stay readable, even at the reporter's own door.
    home = [reporter.address] if reporter and reporter.address else []
    return _MaskedTexts(
        mask(ticket.text, reporter_terms=[*person, *home], terms=terms),
        mask(ticket.address or "", reporter_terms=person, terms=terms),
        MaskedText(category) if is_known else mask(category, reporter_terms=[*person, *home], terms=terms),
        is_known,
    )


def _build_report(  # noqa: PLR0913 - what a report is made of
    ticket: Ticket,
    sender: Sender,
    now: datetime,
    photos: Sequence[AttachedPhoto],
    resolved: Resolved,
    *,
    texts: _MaskedTexts,
    digest: str,
) -> ReportReceived:
    report_id = ids.report_id(sender.source.id, ticket.source_ref)
    occurred_at = resolved.occurred_at
    # A ticket's parts are valid for a report. Photos of both may be too many, and a record may be of any time.
    build = ReportReceived if photos or ticket.past else _unvalidated_report
    return build(
        report_id=report_id,
        source=sender.source.id,
        source_ref=clean(ticket.source_ref) or report_id,
        channel=sender.source.kind,
        city=sender.city.id,
        area=resolved.geocoded.area,
        city_version=sender.city.version,
        digest=digest,
        matter=resolved.matter,
        category=texts.category.text or None,
        class_code=resolved.classified.class_code,
        row_id=resolved.classified.row_id,
        suggested_owner=resolved.suggested_owner,
        complained_of=resolved.complained_of,
        place=resolved.geocoded.place,
        text=texts.text.text,
        photos=(*ticket.photos, *(photo.ref for photo in photos)),
        reporter=report_id if ticket.reporter else None,
        wants_callback=ticket.wants_callback,
        confidential=ticket.confidential or ticket.secrecy,
        occurred_at=occurred_at,
        recorded_at=min(occurred_at, now) if sender.may_backdate else now,
        promised_by=_promise(ticket, sender.city.zone) if ticket.promised_by else None,
        past=ticket.past,
    )


def _promise(ticket: Ticket, zone: tzinfo) -> datetime | None:
    """Return what a source promised its resident, in UTC; an import's record has it in its past."""
    promised_by = ticket.promised_by
    if promised_by is None or ticket.past is not None:
        return None
    return (promised_by if promised_by.tzinfo else promised_by.replace(tzinfo=zone)).astimezone(UTC)


def _vault_content(ticket: Ticket, texts: _MaskedTexts) -> VaultContent | None:
    kept = texts.category.counts or texts.category.text != (ticket.category or "")
    category = ticket.category if kept else None
    if ticket.reporter or ticket.text or ticket.address or ticket.confidential or ticket.secrecy or category:
        return VaultContent(
            ticket.reporter, ticket.text, ticket.address, ticket.confidential or ticket.secrecy, category
        )
    return None
