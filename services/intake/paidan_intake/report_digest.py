"""Digests of reports, by which a retry is told from other content under the same id. Pure.

A ticket's digest is keyed, for it covers the reporter and the words before masking: without a key, whoever has the
masked text could try every number until the digest fits. A report's row keeps the version of the key.
"""

import hashlib
import hmac
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Any, Final, NamedTuple, Self

from paidan_contracts.reports import AlarmRaised, ImportedHistory, ReportReceived
from paidan_intake.classification import to_matter_type
from paidan_intake.tickets import Ticket

_NOT_CONTENT: Final = {"source", "city"}
"""Part of the id, or of the prefix."""
_SPELT_VARIOUSLY: Final = _NOT_CONTENT | {"matter", "occurred_at", "promised_by", "past", "secrecy", "confidential"}
_VERSION_LENGTH: Final = 16


class UnknownDigestKey(Exception):
    """The key of a stored digest is not configured: whether a report is a retry cannot be decided."""


class DigestKeys:
    """The keys of digests, newest first, each with its version: the beginning of its SHA-256."""

    def __init__(self, newest: bytes, *older: bytes) -> None:
        keys = (newest, *older)
        self._keys = {hashlib.sha256(key).hexdigest()[:_VERSION_LENGTH]: key for key in keys}
        self.version = next(iter(self._keys))

    @classmethod
    def of(cls, keys: Sequence[bytes], encryption_keys: Sequence[bytes]) -> Self:
        """Return these keys, newest first, and after them those that belong to the encryption keys."""
        return cls(*keys, *(hmac.digest(key, b"paidan: digests of reports", "sha256") for key in encryption_keys))

    def sign(self, content: bytes, version: str) -> str:
        """Return the keyed digest of a content; raise ``UnknownDigestKey``."""
        key = self._keys.get(version)
        if key is None:
            raise UnknownDigestKey(version)
        return hmac.digest(key, content, "sha256").hex()


class ReportDigest(NamedTuple):
    """The digest of a report, and how to compare it with one that was stored for its id."""

    value: str
    version: str | None
    """Of the key. None: no key, as in release 0.1, and as of a machine's alarm, whose content is masked words alone."""
    sign: Callable[[str], str]
    """Returns the digest under the key of a version."""
    unkeyed: Callable[[], Collection[str]]
    """Returns the digests that release 0.1 might have stored."""

    def matches(self, value: str, version: str | None) -> bool:
        """Return whether a stored digest is of the same report; raise ``UnknownDigestKey``."""
        if version is None:
            return value == self.value or value in self.unkeyed()
        return hmac.compare_digest(value, self.value if version == self.version else self.sign(version))


class KnownReport(NamedTuple):
    """The first report under an id: a repeat must have the same digest, and gets its area and time."""

    digest: str
    digest_key: str | None
    """Version of the digest's key; None: it has none."""
    area: str
    recorded_at: datetime
    is_erased: bool = False

    def repeated_by(self, report: ReportReceived) -> ReportReceived:
        """Return a repeat as it is published: with the first report's digest, area and times.

        What was erased is not said again.
        """
        occurred_at = self.recorded_at if report.occurred_at == report.recorded_at else report.occurred_at
        first: dict[str, Any] = {
            "digest": self.digest, "area": self.area, "recorded_at": self.recorded_at, "occurred_at": occurred_at
        }  # fmt: skip
        if self.is_erased:
            place = report.place.model_copy(update={"address": None})
            first |= {"text": "", "category": None, "place": place, "reporter": None}
        return report.model_copy(update=first)


def digest_ticket(
    ticket: Ticket, city: str, zone: tzinfo, upload_digests: Sequence[str], keys: DigestKeys
) -> ReportDigest:
    """Return the digest of a ticket's meaning: no difference of spelling, order or explicit default changes it.

    It includes photos as they were uploaded, but not the time of receipt, nor the source, which is part of the id, nor
    what depends on the pack in force.
    """
    photos = [each.encode() for each in upload_digests]
    content = b"\n".join([city.encode(), _ticket_content(ticket, zone), *photos])
    return ReportDigest(
        keys.sign(content, keys.version),
        keys.version,
        partial(keys.sign, content),
        lambda: _of_0_1(ticket, city, photos),
    )


def digest_alarm(alarm: AlarmRaised, masked: AlarmRaised, city: str, zone: tzinfo) -> ReportDigest:
    """Return the digest of an alarm's masked content, without its source, which is part of the id.

    It needs no key and must have none: alarms are read from Kafka, and a replay must compute the same.
    """
    content = masked.model_dump_json(exclude_defaults=True, exclude=_NOT_CONTENT | {"occurred_at"})
    value = _sha256(city.encode(), content.encode(), _spell_time(masked.occurred_at, zone))
    return ReportDigest(value, None, lambda _version: value, lambda: _alarms_of_0_1(alarm, masked, city))


def _ticket_content(ticket: Ticket, zone: tzinfo) -> bytes:
    # Straight from the serializer: model_dump_json decodes the bytes, only for us to encode them.
    same: bytes = Ticket.__pydantic_serializer__.to_json(
        ticket, exclude_defaults=True, exclude_none=True, exclude=_SPELT_VARIOUSLY
    )
    return b"\n".join(
        [
            same,
            str(to_matter_type(ticket.matter) or "").encode(),
            _spell_time(ticket.occurred_at, zone),
            b"confidential" if (ticket.confidential or ticket.secrecy) else b"",
            _past_content(ticket.past, zone) if ticket.past else b"",
            # Only where there is one: reports without keep the digests that they always had.
            *((b"promised by " + _spell_time(ticket.promised_by, zone),) if ticket.promised_by else ()),
        ]
    )


def _past_content(past: ImportedHistory, zone: tzinfo) -> bytes:
    same = past.model_dump_json(exclude_defaults=True, exclude_none=True, exclude={"promised_by"})
    return same.encode() + _spell_time(past.promised_by, zone)


def _spell_time(moment: datetime | None, zone: tzinfo) -> bytes:
    if moment is None:
        return b""
    try:  # not suppress(), which costs as much as the rest
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (OverflowError, ValueError):  # on the first and the last day of all years
        return moment.isoformat().encode()
    return moment.isoformat().encode()


def _of_0_1(ticket: Ticket, city: str, photos: Sequence[bytes]) -> Collection[str]:
    # 0.1 knew no matter type that was written in capitals or between blanks: it kept the word.
    readings = [ticket.model_copy(update={"matter": to_matter_type(ticket.matter)}), ticket]
    contents = [
        each.model_dump_json(exclude_defaults=True, exclude=_NOT_CONTENT | {"confidential"}) for each in readings
    ]
    return [_sha256(city.encode(), content.encode(), *photos) for content in contents]


def _alarms_of_0_1(alarm: AlarmRaised, masked: AlarmRaised, city: str) -> Collection[str]:
    contents = [each.model_dump_json(exclude_defaults=True, exclude=_NOT_CONTENT) for each in (alarm, masked)]
    return [_sha256(city.encode(), content.encode()) for content in contents]


def _sha256(*parts: bytes) -> str:
    return hashlib.sha256(b"\n".join(parts)).hexdigest()
