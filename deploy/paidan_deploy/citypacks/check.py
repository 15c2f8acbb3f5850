"""Checks a city pack's folder: its files, their references to each other, and its shapes."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from paidan_contracts.city import Diagnostic, InvalidPack, Pack, load_pack
from paidan_contracts.city.validation import find_implausible
from paidan_deploy.citypacks.geometry import check_shapes

# The dates of a year are published in November of the year before.
CALENDAR_WARNING: Final = timedelta(days=45)


@dataclass(frozen=True, slots=True)
class CheckedPack:
    """A folder's pack, or None if it cannot be read, and every mistake in it."""

    pack: Pack | None
    mistakes: tuple[Diagnostic, ...]
    warnings: tuple[Diagnostic, ...] = ()
    """What is probably a mistake, and may be meant."""

    def valid_pack(self) -> Pack:
        """Return the pack. Raises ``InvalidPack`` when it has mistakes."""
        if self.pack is None or self.mistakes:
            raise InvalidPack(self.mistakes)
        return self.pack


def check_folder(folder: Path) -> CheckedPack:
    """Read and check a folder."""
    loaded = load_pack(folder)
    if loaded.pack is None:
        return CheckedPack(None, loaded.diagnostics)
    shapes = loaded.origins.to_diagnostics(check_shapes(loaded.pack))
    warnings = loaded.origins.to_diagnostics(find_implausible(loaded.pack))
    return CheckedPack(loaded.pack, tuple(sorted({*loaded.diagnostics, *shapes})), warnings)


def calendar_warning(pack: Pack, today: date) -> str | None:
    """Return a warning when the working calendar has ended or soon will: no mistake, for a city may be of the past."""
    last = pack.calendar.last
    if last < today:
        return (
            f"the working calendar ended on {last}: no limit in working time can be counted from today on"
            f" / 工作日历已于 {last} 结束：自今日起无法计算以工作时间计的时限"
        )
    if last - today < CALENDAR_WARNING:
        return (
            f"the working calendar ends on {last}: publish a pack with the next year's dates before then"
            f" / 工作日历将于 {last} 结束：请在此之前发布含下一年日期的配置包"
        )
    return None


def summarize(pack: Pack) -> str:
    """Return one line of counts: departments, classes, rules and so on."""
    places = pack.geography.places
    counts = {
        "departments 部门": len(pack.departments),
        "posts 岗位": len(pack.posts or ()),
        "classes 类别": len(pack.catalogue.classes),
        "rows 细目": len(pack.catalogue.rows),
        "rules 规则": len(pack.routing),
        "districts 区": sum(1 for place in places if place.level == "district"),
        "streets 街道": sum(1 for place in places if place.level == "street"),
        "grid cells 网格": sum(run.end - run.begin for run in pack.geography.grid.runs) if pack.geography.grid else 0,
        "days 日": len(pack.calendar.days),
    }
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)
