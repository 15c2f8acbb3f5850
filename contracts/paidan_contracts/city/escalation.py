"""A city's escalation ladder: levels to which a case can be raised, and the steps that raise it by themselves."""

from pydantic import Field

from paidan_contracts.city.class_overrides import matches_class
from paidan_contracts.city.pack_types import ClassPattern, Names, PackModel, PlaceCode, TimeLimit
from paidan_contracts.city.posts import Post, PostId
from paidan_contracts.places import Place
from paidan_contracts.wire import Code, Slug, TimerKind


class EscalationLevel(PackModel):
    """A level above the department, such as a leader, supervision 督办 or listed supervision 挂牌督办."""

    id: Code
    names: Names
    posts: tuple[PostId, ...] = Field(
        default=(),
        description="Whose matter such a case is; of posts with classes or places those within whose bounds it lies,"
        " so that the city's and the district's can be named together.",
    )


class EscalationStep(PackModel):
    """A step of the ladder: once for each limit of its clock, it raises the case or, without levels, urges."""

    id: Slug
    names: Names
    clock: TimerKind
    share: float | None = Field(
        default=None, gt=0, lt=1, description="Before the limit's end, once this share of it is over."
    )
    after: TimeLimit | None = Field(
        default=None, description="This long after the limit's end; without share and after: at its end."
    )
    classes: tuple[ClassPattern, ...] | None = Field(default=None, description="Only cases of these; None: of any.")
    sources: tuple[Slug, ...] | None = Field(default=None, description="Only cases from these; None: from any.")
    places: tuple[PlaceCode, ...] | None = Field(
        default=None, description="Only cases in these districts, streets and communities; None: anywhere."
    )
    levels: tuple[Code, ...] = Field(default=(), description="To which levels it raises; none: it urges (催办).")


class EscalationLadder(PackModel):
    """The city's levels, from the lowest to the highest, and its steps."""

    levels: tuple[EscalationLevel, ...] = ()
    steps: tuple[EscalationStep, ...] = ()


def step_concerns(step: EscalationStep, class_code: str | None, source: str, place: Place) -> bool:
    """Return whether a step is for a case of this class, from this source, at this place."""
    return (
        _has_class(step.classes, class_code)
        and (step.sources is None or source in step.sources)
        and _lies_in(step.places, place)
    )


def post_concerns(post: Post, class_code: str | None, place: Place) -> bool:
    """Return whether a case of this class and place is within a post's bounds."""
    return _has_class(post.classes, class_code) and _lies_in(post.places, place)


def _has_class(patterns: tuple[str, ...] | None, class_code: str | None) -> bool:
    return patterns is None or any(matches_class(pattern, class_code) for pattern in patterns)


def _lies_in(places: tuple[str, ...] | None, place: Place) -> bool:
    return places is None or not {place.district, place.street, place.community}.isdisjoint(places)
