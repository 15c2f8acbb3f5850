"""Which queue somebody needs first, by the post. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from paidan_cockpit.pages.queue_filter import QUEUES, Queue
from paidan_cockpit.rights import Person
from paidan_contracts.city import City
from paidan_contracts.city.posts import PostDuty

FIRST_QUEUES: Final[Mapping[PostDuty, tuple[Queue, ...]]] = {
    "inspector": ("inspection", "verification"),
    "acceptor": ("verification", "placing", "requests"),
    "duty_chief": ("escalated", "overdue", "due-soon", "placing", "requests", "planned"),
    "dispatcher": ("placing", "returned", "requests", "overdue", "due-soon", "planned"),
    "handler": ("in-work", "overdue", "due-soon"),
    "department_chief": ("requests", "overdue", "due-soon", "in-work"),
    "caller": ("callback",),
    "desk": ("placing", "escalated", "overdue", "due-soon"),
    "supervisor": ("escalated", "requests", "overdue", "due-soon"),
    "operator": (),
    "street_chief": ("inspection", "verification"),
    "road_chief": ("inspection", "verification"),
    "lane_chief": ("inspection", "verification"),
    "building_chief": ("inspection", "verification"),
    "shop_chief": ("verification",),
    "steward": ("verification", "inspection"),
    "volunteer": ("verification",),
}
"""Where the work of a post waits, the most pressing first."""


def reviewing_duty(person: Person, city: City) -> PostDuty | None:
    """Return the duty by which somebody decides on requests about time limits, by the chains of the city's pack."""
    duty = _duty_of(person, city)
    return duty if any(duty in chain for chain in city.clocks.chains) else None


def queue_order(person: Person, city: City) -> Sequence[Queue]:
    """Return all queues, those of the person's post first."""
    first = FIRST_QUEUES[_duty_of(person, city)]
    return (*first, *(each for each in QUEUES if each not in first))


def first_queue(order: Sequence[Queue], counts: Mapping[str, int]) -> Queue:
    """Return the first queue in which anything waits, of those that are counted; else the first of all."""
    return next((each for each in order if counts.get(each)), order[0])


def _duty_of(person: Person, city: City) -> PostDuty:
    post = city.posts.get(person.post)
    if post is not None:
        return post.duty
    if person.department is not None:
        return "handler"
    by_role: tuple[tuple[str, PostDuty], ...] = (
        ("operator", "dispatcher"),
        ("inspector", "inspector"),
        ("caller", "caller"),
    )
    return next((duty for own, duty in by_role if own in person.grants.roles), "supervisor")
