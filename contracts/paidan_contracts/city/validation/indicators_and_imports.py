"""Validates indicators and import mappings."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from pydantic import TypeAdapter, ValidationError

from paidan_contracts.city.diagnostics import DocumentPath, Violation
from paidan_contracts.city.import_mappings import ImportMapping
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.validation.calendar import check_zone
from paidan_contracts.city.validation.references import KnownIds, find_duplicates
from paidan_contracts.wire import Code

_INDICATOR_CODE: Final[TypeAdapter[str]] = TypeAdapter(Code)


def check_indicators(pack: Pack, known_ids: KnownIds) -> Iterator[Violation]:
    """Yield rates of unknown counts, and of counts of different things."""
    indicators = pack.indicators
    counts = {count.id: count for count in indicators.counts}
    ids = [*counts, *(rate.id for rate in indicators.rates)]
    yield from find_duplicates(("indicators", "counts"), "id", (count.id for count in indicators.counts))
    yield from find_duplicates(("indicators", "rates"), "id", (rate.id for rate in indicators.rates))
    if not ids:
        yield Violation(("indicators",), "there is neither a count nor a rate", "既没有计数也没有比率")
    for index, rate in enumerate(indicators.rates):
        path: DocumentPath = ("indicators", "rates", index)
        yield from _check_publishable((*path, "id"), rate.id)
        for field, count_id in (("numerator", rate.numerator), ("denominator", rate.denominator)):
            if count_id not in counts and count_id not in known_ids.pruned:
                yield Violation((*path, field), f"there is no count {count_id!r}", f"没有计数 {count_id!r}")
        if {rate.numerator, rate.denominator} <= counts.keys() and (
            counts[rate.numerator].per != counts[rate.denominator].per
        ):
            yield Violation(
                (*path, "numerator"),
                "is not counted per the same thing as the denominator",
                "与分母的计数对象（per）不同",
            )


def _check_publishable(path: DocumentPath, rate_id: str) -> Iterator[Violation]:
    """Yield a rate whose id is not valid as ``ScoreUpdated.indicator``."""
    try:
        _INDICATOR_CODE.validate_python(rate_id)
    except ValidationError:
        yield Violation(
            path,
            f"{rate_id!r} is published on paidan.scores, where it has 40 characters at most",
            f"{rate_id!r} 发布在 paidan.scores 上，最多 40 个字符",
        )


def check_imports(pack: Pack, known_ids: KnownIds) -> Iterator[Violation]:
    """Yield mappings to unknown ids, and invalid time formats."""
    yield from find_duplicates(("imports",), "id", (mapping.id for mapping in pack.imports))
    for index, mapping in enumerate(pack.imports):
        path: DocumentPath = ("imports", index)
        yield from check_zone((*path, "zone"), mapping.zone)
        yield from _check_format((*path, "time_format"), mapping.time_format)
        yield from _check_format((*path, "date_format"), mapping.date_format or mapping.time_format)
        yield from _check_targets(path, mapping, known_ids)
        yield from _check_statuses(path, mapping)
        if mapping.columns.promised_on and mapping.columns.promised_at:
            yield Violation(
                (*path, "columns", "promised_at"),
                "stands beside promised_on: a promise is a day or a moment",
                "与 promised_on 并存：承诺要么是某一天，要么是某一时刻",
            )


def _check_targets(path: DocumentPath, mapping: ImportMapping, known_ids: KnownIds) -> Iterator[Violation]:
    for field in ("categories", "owners", "sources", "statuses"):
        yield from find_duplicates((*path, field), "value", (each.value for each in getattr(mapping, field)))
    if mapping.default_source not in known_ids.sources:
        yield Violation(
            (*path, "default_source"),
            f"there is no source {mapping.default_source!r}",
            f"没有来源 {mapping.default_source!r}",
        )
    for index, kind in enumerate(mapping.categories):
        entry_path: DocumentPath = (*path, "categories", index)
        if kind.class_code not in known_ids.classes:
            yield Violation(
                (*entry_path, "class_code"), f"there is no class {kind.class_code!r}", f"没有类别 {kind.class_code!r}"
            )
        elif kind.condition and f"{kind.class_code}-{kind.condition}" not in known_ids.rows:
            yield Violation(
                (*entry_path, "condition"),
                f"class {kind.class_code} has no row {kind.condition!r}",
                f"类别 {kind.class_code} 没有条目 {kind.condition!r}",
            )
    for index, owner in enumerate(mapping.owners):
        if owner.department not in known_ids.departments:
            yield Violation(
                (*path, "owners", index, "department"),
                f"there is no department {owner.department!r}",
                f"没有部门 {owner.department!r}",
            )
    for index, source in enumerate(mapping.sources):
        if source.source not in known_ids.sources:
            yield Violation(
                (*path, "sources", index, "source"),
                f"there is no source {source.source!r}",
                f"没有来源 {source.source!r}",
            )


def _check_statuses(path: DocumentPath, mapping: ImportMapping) -> Iterator[Violation]:
    if not mapping.statuses:
        yield Violation(
            (*path, "statuses"), "is empty: no status of a record is mapped", "为空：记录的状态没有任何对应"
        )
    for index, status in enumerate(mapping.statuses):
        if status.becomes != "open" and not status.at:
            yield Violation(
                (*path, "statuses", index, "at"),
                "is missing: only the status open needs no column for its time",
                "缺少必填项：只有状态 open 不需要时间列",
            )


def _check_format(path: DocumentPath, time_format: str) -> Iterator[Violation]:
    sample = datetime(2020, 11, 22, 12, 30, tzinfo=UTC)
    try:
        parsed = datetime.strptime(sample.strftime(time_format), time_format)  # noqa: DTZ007  # likewise
    except ValueError as error:
        yield Violation(path, f"{time_format!r} is invalid: {error}", f"{time_format!r} 无效：{error}")
        return
    if parsed.date() != sample.date():
        yield Violation(
            path, f"{time_format!r} does not contain year, month and day", f"{time_format!r} 未包含年、月、日"
        )
