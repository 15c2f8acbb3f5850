"""Which rows of scores a caller may read: a department its own, a bounded post those of its classes or places. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from paidan_contracts.case_access import lies_within_bounds
from paidan_contracts.scopes import Grants
from paidan_contracts.scores import Dimension

PLACE_DIMENSIONS: tuple[Dimension, ...] = ("district", "street")


@dataclass(frozen=True, slots=True)
class VisibleRows:
    """The rows of one dimension that a caller may read. ``key``: this one alone; ``covers``: those that it covers."""

    key: str | None = None
    covers: Callable[[str], bool] | None = None

    @property
    def are_all(self) -> bool:
        """Whether every row may be read, and so their total."""
        return self.key is None and self.covers is None

    def has(self, key: str) -> bool:
        """Return whether the row of this key may be read."""
        return self.key in (None, key) and (self.covers is None or self.covers(key))


@dataclass(frozen=True, slots=True)
class NoRows:
    """No row may be read; ``is_bounded``: because rows of this dimension count cases beyond the post's bounds."""

    is_bounded: bool = False


def visible_rows(grants: Grants, by: Dimension) -> VisibleRows | NoRows:
    """Return the rows of a dimension that these grants show.

    A figure counts all cases of its row, so a bounded post reads figures by its classes or by its places, and none that
    count others' cases, too: none by department, and none at all if it is bounded to both.
    """
    is_staff = grants.has_role("monitor", "operator")
    if not is_staff and (grants.department is None or by != "department"):
        return NoRows()
    if not grants.is_bounded:
        return VisibleRows() if is_staff else VisibleRows(key=grants.department)
    if is_staff and by == "class" and not grants.places:
        return VisibleRows(covers=lambda key: lies_within_bounds(grants, key, ()))
    if is_staff and by in PLACE_DIMENSIONS and not grants.classes:
        return VisibleRows(covers=lambda key: lies_within_bounds(grants, None, (key,)))
    return NoRows(is_bounded=True)
