"""A city's numbers: clocks, matching, screening. What each number does is in the services that obey it."""

from pydantic import Field

from paidan_contracts.city.pack_types import ClassPattern, PackModel, TimeLimit
from paidan_contracts.wire import Channel


class ReopeningPolicy(PackModel):
    """When a closed case is opened again because its resident is not satisfied."""

    times: int = Field(ge=0, le=10, description="How often one case may be reopened.")
    within: TimeLimit = Field(description="After closing; later it takes a new report.")
    limit: TimeLimit | None = Field(default=None, description="Of the new round; None: the row's limit once more.")


class StageLimits(PackModel):
    """How long each stage may take where a catalogue row does not say."""

    accept: TimeLimit = Field(description="受理 and 签收.")
    dispatch: TimeLimit = Field(description="派遣 from the hard-to-place desk.")
    verify: TimeLimit = Field(description="核实, before filing.")
    inspect: TimeLimit = Field(description="核查, before closing.")
    callback: TimeLimit = Field(description="回访, after closing.")
    handle: TimeLimit | None = Field(
        default=None, description="处置 where a row states none; None: such a case has no limit unless one is promised."
    )
    reopening: ReopeningPolicy
    returns_before_adjudication: int = Field(default=2, ge=1, description="退单 after which one unit is appointed.")


class ClassMatchingOverride(PackModel):
    """Matching terms for some classes; the first entry that fits a class is used."""

    classes: tuple[ClassPattern, ...] = Field(min_length=1)
    radius_m: float | None = Field(default=None, gt=0, le=5000)
    recurrence: TimeLimit | None = None
    off: bool = Field(default=False, description="Reports of these classes are never merged.")


class MatchingPolicy(PackModel):
    """When two reports are about the same thing: same class, near enough, while the first one's case is open."""

    radius_m: float = Field(gt=0, le=5000, description="Metres on the ground between the two positions.")
    window_h: int = Field(gt=0, description="Hours since the case's report after which an open case takes none more.")
    recurrence: TimeLimit = Field(description="After closing: a report within it opens a new case marked as recurring.")
    channels: tuple[Channel, ...] = Field(description="Sources of other kinds are never merged.")
    by_class: tuple[ClassMatchingOverride, ...] = ()


class ClassScreeningOverride(PackModel):
    """Screening terms for some classes; the first entry that fits a class is used."""

    classes: tuple[ClassPattern, ...] = Field(min_length=1)
    dwell_s: float | None = Field(default=None, ge=0)
    refire_s: float | None = Field(default=None, ge=0)
    report_at: float | None = Field(default=None, ge=0, le=1)


class ScreeningPolicy(PackModel):
    """What a camera's alarm must pass before it becomes a report. A resident's report is never screened."""

    refire_s: float = Field(ge=0, description="The same camera, class and region again within it: suppressed.")
    dwell_s: float = Field(default=0, ge=0, description="How long it must have been seen before it counts.")
    report_at: float = Field(ge=0, le=1, description="At this confidence or above it becomes a report.")
    review_at: float = Field(ge=0, le=1, description="From here up to report_at it is reported to be verified first.")
    by_class: tuple[ClassScreeningOverride, ...] = ()
