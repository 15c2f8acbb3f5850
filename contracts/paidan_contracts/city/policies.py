"""A city's policies: time limits of each stage, matching and screening. The services apply them."""

from typing import Final, Literal, TypeAlias

from pydantic import Field

from paidan_contracts.city.pack_types import ClassPattern, Names, PackModel, RowId, Text, TimeLimit
from paidan_contracts.city.time_limits import AppealPolicy, Chain, ExtensionPolicy, HandSetPolicy, SuspensionPolicy
from paidan_contracts.wire import Channel, Datum, Latitude, Longitude, MatterType, Slug

RatingRule: TypeAlias = Literal["worst", "last", "opener"]
"""Which reporter's latest rating is the case's: the worst, the last that was given, or the opener's."""
IGNORED_CATEGORY_RULE: Final = "ignored-category"
"""The rule by which a report of an ``ignored`` category is noted; it stands before the pack's own."""


class ReopeningPolicy(PackModel):
    """When a closed case is reopened because its resident is not satisfied."""

    times: int = Field(ge=0, le=10, description="How often one case may be reopened.")
    within: TimeLimit = Field(description="After closing; later, a new report is needed.")
    limit: TimeLimit | None = Field(default=None, description="Time limit of the new round; None: the row's.")


class StageLimits(PackModel):
    """The time limit of each stage, where the catalogue row states none."""

    accept: TimeLimit = Field(description="受理 and 签收.")
    dispatch: TimeLimit = Field(description="派遣 from the hard-to-place desk.")
    verify: TimeLimit = Field(description="核实, before filing.")
    inspect: TimeLimit = Field(description="核查, before closing.")
    callback: TimeLimit = Field(description="回访, after closing.")
    handle: TimeLimit | None = Field(
        default=None, description="处置; None: a case without a row's limit has none, unless an import promised one."
    )
    reopening: ReopeningPolicy
    returns_before_adjudication: int = Field(
        default=2, ge=1, description="Number of 退单 after which the case is held for an operator's decision."
    )
    warn_at: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Share of a limit after which a warning goes out; None: none does.",
    )
    extension: ExtensionPolicy | None = Field(default=None, description="延期; None: there is none.")
    suspension: SuspensionPolicy | None = Field(default=None, description="挂账; None: there is none.")
    appeal: AppealPolicy | None = Field(default=None, description="超时申诉; None: there is none.")
    hand_set: HandSetPolicy | None = Field(default=None, description="限时, 限期整改; None: no limit is set by hand.")
    finish_without_accept: bool = Field(
        default=True, description="Whether finishing an order (处置完成) also accepts it (签收); False: it is refused."
    )

    @property
    def chains(self) -> tuple[Chain, ...]:
        """The duties of those who decide on requests about time limits, for each kind of request that there is."""
        return tuple(each.chain for each in (self.extension, self.suspension, self.appeal) if each is not None)


class ComplaintPolicy(PackModel):
    """Who handles a complaint about how a unit handled a matter: never that unit, nor one below it."""

    supervising_unit: bool = Field(default=False, description="Whether a unit above the one complained of may.")


class HandOnPolicy(PackModel):
    """二级派遣: the terms on which a department hands its order on to a unit or a person inside it."""

    share: float = Field(
        default=0.8,
        gt=0,
        lt=1,
        description="The unit's time where none is set by hand, as a share of what is left of the department's.",
    )
    confirmed: bool = Field(
        default=True,
        description="Whether the department confirms what its unit finished; False: it goes to inspection straight.",
    )


class EnforcementPolicy(PackModel):
    """What needs enforcement rights (执法权): no unit whose rights the pack denies gets it."""

    classes: tuple[ClassPattern, ...] = ()
    rows: tuple[RowId, ...] = Field(default=(), description="Of other classes, these rows of the catalogue.")


class ClassMatchingOverride(PackModel):
    """Matching terms of some classes; the first entry that matches a class applies."""

    classes: tuple[ClassPattern, ...] = Field(min_length=1)
    radius_m: float | None = Field(default=None, gt=0, le=5000)
    recurrence: TimeLimit | None = None
    off: bool = Field(default=False, description="Reports of these classes are never merged.")


class PlaceholderPosition(PackModel):
    """A position that stands for an unknown one: a vendor's sample point, a geocoder's answer where it found none."""

    x: Longitude
    y: Latitude
    crs: Datum = Field(default="wgs84", description="Datum of x and y.")
    radius_m: float = Field(default=1, gt=0, le=500, description="Positions this near are placeholders, too.")
    note: Text | None = Field(default=None, description="Whose position it is.")


class MatchingPolicy(PackModel):
    """When two reports are about the same thing: same class, near each other, while the first one's case is open."""

    radius_m: float = Field(gt=0, le=5000, description="Greatest distance of the two positions, in metres.")
    window_h: int = Field(gt=0, description="Hours after its first report in which an open case is joined by others.")
    recurrence: TimeLimit = Field(
        description="A report within this time after closing opens a new case that is marked as recurring."
    )
    channels: tuple[Channel, ...] = Field(description="Reports from other channels are never merged.")
    addresses_per_point: int = Field(
        default=2,
        ge=1,
        le=1000,
        description="How many different addresses reports at one and the same point may have; where there are more, the"
        " point is a geocoder's fall-back, and no report is merged by it.",
    )
    by_class: tuple[ClassMatchingOverride, ...] = ()
    placeholders: tuple[PlaceholderPosition, ...] = Field(
        default=(), description="Positions that are nobody's: nothing is matched by them. 0/0 is always one."
    )


class CallbackPolicy(PackModel):
    """回访: how the ratings of several reporters of a case become the case's rating; no answer is no rating."""

    rating: RatingRule = Field(
        default="worst",
        description="Which reporter's latest rating is the case's: the worst, the last that was given, or that of the"
        " reporter who opened the case.",
    )
    unreasonable: Literal["counts", "left_out"] = Field(
        default="counts", description="Whether a dissatisfied rating that was judged unreasonable counts."
    )


class NotingRule(PackModel):
    """Which reports are noted and answered without becoming a case."""

    id: Slug
    names: Names | None = None
    matters: tuple[MatterType, ...] = Field(min_length=1)
    unclassified_only: bool = Field(
        default=False,
        description="Only reports without a class: those that name one are about something to be handled.",
    )


class ClassScreeningOverride(PackModel):
    """Screening terms of some classes; the first entry that matches a class applies."""

    classes: tuple[ClassPattern, ...] = Field(min_length=1)
    dwell_s: float | None = Field(default=None, ge=0)
    refire_s: float | None = Field(default=None, ge=0)
    report_at: float | None = Field(default=None, ge=0, le=1)


class ScreeningPolicy(PackModel):
    """The conditions under which a machine's alarm becomes a report. A resident's report is never screened."""

    refire_s: float = Field(
        ge=0, description="An alarm of the same camera, class and region within this time is suppressed."
    )
    dwell_s: float = Field(default=0, ge=0, description="How long it must have been seen before it is reported.")
    report_at: float = Field(ge=0, le=1, description="An alarm with this confidence or above becomes a report.")
    review_at: float = Field(
        ge=0, le=1, description="From this confidence up to report_at, the report must be verified first."
    )
    by_class: tuple[ClassScreeningOverride, ...] = ()
