"""What decides each partition of the inbox, as its own log said: release, each city's pack, numbers given out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from paidan_chassis.database import Connection
from paidan_chassis.errors import Halt
from paidan_contracts.emergencies import (
    EmergencyDeclaration,
    EmergencyDue,
    EmergencyInForce,
    EmergencyOver,
    EmergencyPortion,
    EmergencyRecord,
)
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
SELECT_EMERGENCIES: Final = """
    SELECT lane, area, declaration, ended_at
      FROM emergency_area
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
    emergencies: dict[tuple[int, str], tuple[EmergencyDeclaration, ...]] = field(default_factory=dict)
    """By partition and area: what was declared and has not ended, in that order; empty almost always."""
    declared: set[tuple[int, str, str]] = field(default_factory=set)
    """By partition, area and id: what was ever declared, for a repeat must not put it in force again."""
    _under: dict[tuple[int, str], CityPolicy] = field(default_factory=dict)

    def declare(self, partition: int, area: str, declaration: EmergencyDeclaration) -> None:
        """Decide by a declaration from now on; one that was put in force before changes nothing."""
        key = (partition, area, declaration.declaration_id)
        if key not in self.declared:
            self.declared.add(key)
            self.emergencies[partition, area] = (*self.emergencies.get((partition, area), ()), declaration)

    def end(self, partition: int, area: str, declaration_id: str) -> None:
        """Decide by a declaration no more."""
        standing = self.emergencies.pop((partition, area), ())
        rest = tuple(each for each in standing if each.declaration_id != declaration_id)
        if rest:
            self.emergencies[partition, area] = rest

    def under_emergencies(self, policy: CityPolicy | None, partition: int, area: str) -> CityPolicy | None:
        """Return the policy with what is declared in an area; the same where nothing is."""
        standing = self.emergencies.get((partition, area))
        if standing is None or policy is None:
            return policy
        known = self._under.get((partition, area))
        if known is None or known.version != policy.version or known.emergencies is not standing:
            known = self._under[partition, area] = replace(policy, emergencies=standing)
        return known


async def load_in_force(conn: Connection, packs: PackCache, release: int) -> InForce:
    """Return what each partition is decided by, for code of this release."""
    rows = await conn.fetch(SELECT_PACKS_IN_FORCE)
    policies = {(row["lane"], row["city"]): await packs.get(conn, row["version"]) for row in rows}
    in_force = InForce(release, await _load_releases(conn), policies)
    declared = [
        (row, EmergencyDeclaration.model_validate_json(row["declaration"]))
        for row in await conn.fetch(SELECT_EMERGENCIES)
    ]
    for row, declaration in sorted(declared, key=lambda each: (each[1].declared_at, each[1].declaration_id)):
        in_force.declare(row["lane"], row["area"], declaration)
        if row["ended_at"] is not None:
            in_force.end(row["lane"], row["area"], declaration.declaration_id)
    return in_force


def read_mark(in_force: InForce, partition: int, number: int) -> None:
    """Go on with the release of a mark; one of an older release changes nothing.

    Raises ``Halt`` at a later release's: that one can start as long as its mark is the next record.
    """
    if number > in_force.release:
        raise release_needed(partition, number, in_force.release)
    in_force.releases[partition] = max(number, in_force.releases.get(partition, FIRST_RELEASE))


def follow_emergency(in_force: InForce, partition: int, record: EmergencyRecord) -> None:
    """Decide by what a record puts in force, or by what it ends no more."""
    match record:
        case EmergencyInForce(area=area, declaration=declaration):
            in_force.declare(partition, area, declaration)
        case EmergencyOver(area=area, declaration_id=declaration_id):
            in_force.end(partition, area, declaration_id)
        case EmergencyDue() | EmergencyPortion():
            pass


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
