"""What decides each partition of the inbox, as its own log said: release, each city's pack, numbers given out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from paidan_chassis.database import Connection
from paidan_chassis.errors import Halt
from paidan_contracts.topics import INBOX
from paidan_dispatch.cases.case_numbers import Serials
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.city_packs import PackCache

FIRST_RELEASE: Final = 1
"""The release of a partition in whose log no mark was read: 0.1 placed none."""

SELECT_RELEASES: Final = """
    SELECT lane, number
      FROM lane_release
"""
SELECT_PACKS_IN_FORCE: Final = """
    SELECT lane, city, version
      FROM lane_city
"""


@dataclass(slots=True)
class InForce:
    """The release and the policies in force; records change them as they are decoded."""

    release: int
    """The release of this code."""
    releases: dict[int, int]
    """By partition; one that is missing is decided by the first release."""
    policies: dict[tuple[int, str], CityPolicy]
    """By partition and city."""
    serials: dict[int, Serials] = field(default_factory=dict)
    """By partition, of the areas and days of reports that it read."""


async def load_in_force(conn: Connection, packs: PackCache, release: int) -> InForce:
    """Return what each partition is decided by, for code of this release."""
    rows = await conn.fetch(SELECT_PACKS_IN_FORCE)
    policies = {(row["lane"], row["city"]): await packs.get(conn, row["version"]) for row in rows}
    return InForce(release, await _load_releases(conn), policies)


def read_mark(in_force: InForce, partition: int, number: int) -> None:
    """Go on with the release of a mark; one of an older release changes nothing.

    Raises ``Halt`` at a later release's: that one can start as long as its mark is the next record.
    """
    if number > in_force.release:
        raise release_needed(partition, number, in_force.release)
    in_force.releases[partition] = max(number, in_force.releases.get(partition, FIRST_RELEASE))


async def require_release(conn: Connection, unread: Mapping[int, bool], release: int) -> None:
    """Raise ``Halt`` for a partition whose next record this release must not decide.

    ``unread`` holds, by partition, whether its log has unread records: the first of them may be this release's mark.
    """
    releases = await _load_releases(conn)
    for partition, has_unread in sorted(unread.items()):
        number = releases.get(partition, FIRST_RELEASE)
        if number > release or (number < release and not has_unread):
            raise release_needed(partition, number, release)


def release_needed(partition: int, number: int, release: int) -> Halt:
    """Return the halt of a partition that another release than this code's must decide."""
    is_first, lane = number == FIRST_RELEASE, f"{INBOX.name}-{partition}"
    name = f"release {number} (0.1)" if is_first else f"release {number}"
    name_zh = f"第 {number} 版（0.1）" if is_first else f"第 {number} 版"
    detail = f"{lane} must be decided by {name}, and this is release {release}: run dispatch of {name}"
    detail_zh = f"{lane} 须由{name_zh}判定，本程序为第 {release} 版：请运行{name_zh}的 dispatch"
    if number < release:
        detail += f" until it has read all or halts, then `paidan prepare` and dispatch of release {release}"
        detail_zh += f"，待其读完或停下，再执行 `paidan prepare` 并运行第 {release} 版的 dispatch"
    return Halt("release_needed", f"{detail} | {detail_zh}")


async def _load_releases(conn: Connection) -> dict[int, int]:
    return {row["lane"]: row["number"] for row in await conn.fetch(SELECT_RELEASES)}
