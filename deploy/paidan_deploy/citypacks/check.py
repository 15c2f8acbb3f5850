"""Checks a city pack's folder with everything that can be checked: its files, what they agree on, and its shapes."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from paidan_contracts.city import Mistake, Pack, Unfit, read_pack
from paidan_deploy.citypacks.geometry import check_shapes

# A year's dates are published in November of the year before.
SOON: Final = timedelta(days=45)


@dataclass(frozen=True, slots=True)
class Checked:
    """A folder's pack, if it could be read at all, and every mistake in it."""

    pack: Pack | None
    mistakes: tuple[Mistake, ...]

    def fit(self) -> Pack:
        """Give the pack; raises ``Unfit`` when there is a mistake in it."""
        if self.pack is None or self.mistakes:
            raise Unfit(self.mistakes)
        return self.pack


def check_folder(folder: Path) -> Checked:
    """Read and check a folder."""
    reading = read_pack(folder)
    if reading.pack is None:
        return Checked(None, reading.mistakes)
    shapes = reading.origins.mistakes(check_shapes(reading.pack))
    return Checked(reading.pack, tuple(sorted({*reading.mistakes, *shapes})))


def calendar_note(pack: Pack, today: date) -> str | None:
    """Say that the working calendar is over, or soon will be; a city may be of the past, so it is no mistake."""
    last = pack.calendar.last
    if last < today:
        return f"the working calendar ended on {last}: no limit in working time can be counted from today on"
    if last - today < SOON:
        return f"the working calendar ends on {last}: publish a pack with the next year's dates before then"
    return None


def summary(pack: Pack) -> str:
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
