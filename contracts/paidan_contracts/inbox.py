"""The events of ``paidan.inbox``, on which dispatch decides: reports, actions, timers due, what is put in force."""

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field

from paidan_contracts.actions import ActionRequested, Actor
from paidan_contracts.emergencies import EmergencyDue, EmergencyInForce, EmergencyOver, EmergencyPortion
from paidan_contracts.reports import ReportReceived
from paidan_contracts.wire import (
    AnyTimerKind,
    Area,
    CaseId,
    Digest,
    Id,
    PhotoRef,
    PositiveInt,
    Slug,
    Timestamp,
    WireModel,
)

RELEASE: Final = 4
"""The release by which this code decides; it is raised whenever the same records would be decided otherwise.

0.1.0 is release 1, which neither read nor placed a mark: a partition whose log holds none was decided by it. From
release 3 on the event that opens a case tells its dispatch, too, and the outcome of a merged report tells its source.
Release 4 decides on extensions, suspensions, escalations, corrections and orders handed on, which were refused before.
"""


class TimerDue(WireModel):
    """A timer of a case has expired; it takes effect when dispatch reads it, unless its generation was cancelled.

    Published by dispatch on ``paidan.inbox``. Read by dispatch. Keyed by the case's area.
    """

    type: Literal["timer.due.v1"] = "timer.due.v1"
    timer_id: Id
    case_id: CaseId
    area: Area
    kind: AnyTimerKind
    generation: PositiveInt
    due_at: Timestamp


class CityInForce(WireModel):
    """From this record on, decisions in its partition follow this version of the city's pack.

    Published by ``paidan city publish`` on every partition of ``paidan.inbox``, after the pack is stored. Read by
    dispatch. Without a key: it is sent to each partition.
    """

    type: Literal["city.in_force.v1"] = "city.in_force.v1"
    city: Slug
    version: Digest
    in_force_at: Timestamp


class ReleaseInForce(WireModel):
    """From this record on, its partition is decided by this release of dispatch, and by no other.

    Published by `paidan prepare` and `paidan up` on every partition of ``paidan.inbox``, as its first record or on an
    upgrade. Read by dispatch, which halts a partition that another release must decide. A repeat, or the mark of an
    older release, changes nothing. Without a key: it is sent to each partition.
    """

    type: Literal["release.in_force.v1"] = "release.in_force.v1"
    number: PositiveInt


class PhotoStored(WireModel):
    """A proof photo was stored for a case; a finish or an inspection may name it from this record on.

    Published by intake on ``paidan.inbox``, before the upload is answered. Read by dispatch. Keyed by the case's area.
    """

    type: Literal["photo.stored.v1"] = "photo.stored.v1"
    ref: PhotoRef
    case_id: CaseId
    area: Area
    holder: Actor = Field(description="Who uploaded it, by the API key.")
    stored_at: Timestamp


InboxEvent: TypeAlias = Annotated[
    ReportReceived
    | ActionRequested
    | TimerDue
    | CityInForce
    | PhotoStored
    | ReleaseInForce
    | EmergencyInForce
    | EmergencyOver
    | EmergencyDue
    | EmergencyPortion,
    Field(discriminator="type"),
]
