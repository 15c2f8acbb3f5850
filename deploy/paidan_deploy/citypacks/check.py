"""Checks a city pack's folder with everything that can be checked: its files, what they agree on, and its shapes."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from paidan_contracts.city import Diagnostic, InvalidPack, Pack, load_pack
from paidan_deploy.citypacks.geometry import check_shapes

# A year's dates are published in November of the year before.
CALENDAR_WARNING: Final = timedelta(days=45)


@dataclass(frozen=True, slots=True)
class CheckedPack:
    """A folder's pack, if it could be read at all, and every mistake in it."""

    pack: Pack | None
    mistakes: tuple[Diagnostic, ...]

    def valid_pack(self) -> Pack:
        """Give the pack; raises ``Unfit`` when there is a mistake in it."""
        if self.pack is None or self.mistakes:
            raise InvalidPack(self.mistakes)
        return self.pack


def check_folder(folder: Path) -> CheckedPack:
    """Read and check a folder."""
    loaded = load_pack(folder)
    if loaded.pack is None:
        return CheckedPack(None, loaded.diagnostics)
    shapes = loaded.origins.to_diagnostics(check_shapes(loaded.pack))
    return CheckedPack(loaded.pack, tuple(sorted({*loaded.diagnostics, *shapes})))


def calendar_warning(pack: Pack, today: date) -> str | None:
    """Say that the working calendar is over, or soon will be; a city may be of the past, so it is no mistake."""
    last = pack.calendar.last
    if last < today:
        return f"the working calendar ended on {last}: no limit in working time can be counted from today on"
    if last - today < CALENDAR_WARNING:
        return f"the working calendar ends on {last}: publish a pack with the next year's dates before then"
    return None


def summarize(pack: Pack) -> str:
    """Say what a pack holds, in one line."""
    places = pack.geography.places
    counts = {
        "departments": len(pack.departments),
        "classes": len(pack.catalogue.classes),
        "rows": len(pack.catalogue.rows),
        "rules": len(pack.routing),
        "districts": sum(1 for place in places if place.level == "district"),
        "streets": sum(1 for place in places if place.level == "street"),
        "grid cells": sum(run.end - run.begin for run in pack.geography.grid.runs) if pack.geography.grid else 0,
        "days": len(pack.calendar.days),
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)
