"""What a queue's filter shows, in a line. Pure."""

from collections.abc import Iterator
from typing import Final

from paidan_cockpit.pages.labels import Translate, label
from paidan_cockpit.pages.marked_texts import N_
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.queue_filter import QueueFilter

COMPLAINT: Final = N_("complaint about handling")


def describe_filter(queue_filter: QueueFilter, names: CityNames, translate: Translate) -> str:
    """Return the queue and whatever restricts it, such as `Overdue · Street works · "manhole"`."""
    return " · ".join(filter(None, _parts(queue_filter, names, translate)))


def _parts(queue_filter: QueueFilter, names: CityNames, translate: Translate) -> Iterator[str]:
    yield label(translate, "queue", queue_filter.queue)
    yield label(translate, "status", queue_filter.status)
    yield names.department(queue_filter.department)
    yield names.place(queue_filter.district)
    yield names.place(queue_filter.street)
    yield names.work_grid(queue_filter.work_grid)
    yield names.case_class(queue_filter.class_code)
    yield names.source(queue_filter.source)
    yield label(translate, "request", queue_filter.request)
    if queue_filter.decides is not None:
        yield names.duty(queue_filter.decides)
    if queue_filter.level is not None:
        yield names.level(queue_filter.level)
    if queue_filter.answerable is not None:
        yield names.answerable(queue_filter.answerable)
    yield names.department(queue_filter.helper)
    yield names.post(queue_filter.verifier) if queue_filter.verifier is not None else ""
    if queue_filter.complaint is not None:
        yield translate(COMPLAINT)
    if queue_filter.words:
        yield f"“{queue_filter.words}”"
    if queue_filter.order != "due":
        yield label(translate, "order", queue_filter.order)
