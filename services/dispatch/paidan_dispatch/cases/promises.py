"""承诺时限: what a source promised its resident, as a limit of its own beside the city's."""

from typing import Final

from paidan_contracts.reports import ReportReceived
from paidan_contracts.time_limits import Promise, TimeLimits
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_dispatch.cases.limit_requests import NO_TIME_LIMITS
from paidan_dispatch.cases.policy import CityPolicy

_new_promise: Final = unvalidated_constructor(Promise)


def with_promise(limits: TimeLimits | None, report: ReportReceived, policy: CityPolicy) -> TimeLimits | None:
    """Return a case's limits with what a report's source promised: of several promises the earliest counts."""
    due_at = report.promised_by
    known = limits.promise if limits is not None else None
    if due_at is None or report.past is not None:
        return limits
    if known is not None and known.ended_at is None and known.due_at <= due_at:
        return limits
    promise = _new_promise(
        number=known.number + 1 if known is not None else 1,
        report_id=report.report_id,
        source=report.source,
        began_at=report.recorded_at,
        due_at=due_at,
        warn_at=policy.warn_at(report.recorded_at, due_at),
    )
    return replace_unvalidated(limits or NO_TIME_LIMITS, promise=promise)
