"""The installation's clock: chosen at the first start, kept in the database, and shown by `paidan status`."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from paidan_chassis.clock import ClockKind, ClockSetBack, read_kind, read_scale, real_now, set_scale
from paidan_chassis.database import Connection
from paidan_contracts.city import Pack
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.connection import open_connection

WAY_OUT: Final = (
    "unset PAIDAN_CLOCK, or begin anew with `paidan down --wipe` (on servers of your own: an empty database)"
)
WAY_OUT_ZH: Final = "请取消设置 PAIDAN_CLOCK，或用 `paidan down --wipe` 重新开始（自备服务器者：换用空数据库）"


class ClockRefused(DeployError):
    """The city's time would be set back, or would jump over the limits of open cases."""


@dataclass(frozen=True, slots=True)
class ClockReading:
    """What the installation's clock shows now."""

    kind: ClockKind
    factor: float
    city_time: datetime
    local_times: Mapping[str, datetime] = field(default_factory=dict)
    """In the zone of each city in force."""


@dataclass(frozen=True, slots=True)
class CityPackKind:
    """A city that is in force or about to be; ``demo`` is None in packs from before there was this property."""

    id: str
    demo: bool | None
    zone: str | None = None


async def settle_clock(dsn: str, requested: ClockKind | None, packs: Path) -> ClockKind:
    """Return the installation's clock, and record it at the first start. Raises ClockRefused for another one later.

    Without a request, an installation of demo cities alone gets the scaled clock, any other one real time.
    """
    async with open_connection(dsn) as connection, connection.transaction():
        await connection.execute("LOCK TABLE cities.clock IN SHARE ROW EXCLUSIVE MODE")
        kept = await read_kind(connection)
        published = await _published_cities(connection)
        known = {city.id for city in published}
        cities = [*published, *(city for city in _cities_in(packs) if city.id not in known)]
        kind = requested or kept or _default_kind(cities)
        if kept is None:
            _check_first_choice(kind, cities, is_requested=requested is not None)
        elif kind != kept:
            await _check_change(connection, kept)
        try:
            await _keep_kind(connection, kind)
        except ClockSetBack as error:
            raise ClockRefused(
                f"PAIDAN_CLOCK=real: {error}: {WAY_OUT} / 不能改为真实时间（{error}）：{WAY_OUT_ZH}"
            ) from error
    return kind


async def check_city_fits_clock(connection: Connection, pack: Pack) -> None:
    """Raise ClockRefused for a real city on a scaled clock, unless it was published before this was checked."""
    if pack.demo or await read_kind(connection) != "scaled":
        return
    if pack.id not in {city.id for city in await _published_cities(connection)}:
        raise ClockRefused(
            f"city {pack.id} is no demo city, and this installation runs on a scaled clock: begin anew with"
            " `paidan down --wipe` and PAIDAN_CLOCK=real (or, for an invented city, set `demo = true` in city.toml)"
            f" / 城市 {pack.id} 不是演示城市，而本安装使用加速时钟："
            "请用 `paidan down --wipe` 和 PAIDAN_CLOCK=real 重新开始（虚构的城市请在 city.toml 中设 `demo = true`）"
        )


async def read_clock(connection: Connection) -> ClockReading | None:
    """Return what the installation's clock shows; None before one was chosen."""
    kind, scale, real = await read_kind(connection), await read_scale(connection), real_now()
    if kind is None or scale is None:
        return None
    city_time = real if kind == "real" else scale.city_time(real)
    zones = {city.id: city.zone for city in await _published_cities(connection)}
    local_times = {id_: city_time.astimezone(ZoneInfo(zone)) for id_, zone in zones.items() if zone is not None}
    return ClockReading(kind, scale.factor if city_time < scale.fast_until else 1.0, city_time, local_times)


async def _keep_kind(conn: Connection, kind: ClockKind) -> None:
    """Record the clock. To a real one the city's time moves on to the real time, and stays there."""
    if kind == "real" and await read_kind(conn) != "real":
        now = real_now()
        await set_scale(conn, city_time=now, factor=1.0, fast_until=now)
    await conn.execute("UPDATE cities.clock SET kind = $1", kind)


def _default_kind(cities: list[CityPackKind]) -> ClockKind:
    # Packs of an earlier release do not say; its installations ran on the scaled clock unless told otherwise.
    return "real" if any(city.demo is False for city in cities) or not cities else "scaled"


def _check_first_choice(kind: ClockKind, cities: list[CityPackKind], *, is_requested: bool) -> None:
    real_cities = [city.id for city in cities if city.demo is False]
    if kind == "scaled" and is_requested and real_cities:
        raise ClockRefused(
            f"PAIDAN_CLOCK=scaled is for demo cities alone, and {', '.join(real_cities)} is none: unset PAIDAN_CLOCK"
            f" / PAIDAN_CLOCK=scaled 只用于演示城市，而 {'、'.join(real_cities)} 不是：请取消设置 PAIDAN_CLOCK"
        )


async def _check_change(connection: Connection, kept: ClockKind) -> None:
    if kept == "real":
        raise ClockRefused(
            f"this installation runs on real time, and its time cannot go back: {WAY_OUT}"
            f" / 本安装按真实时间运行，时间不能倒退：{WAY_OUT_ZH}"
        )
    open_cases = await connection.fetchval("SELECT count(*) FROM dispatch.case_now WHERE ended_at IS NULL")
    if open_cases:
        raise ClockRefused(
            f"this installation runs on a scaled clock, and its {open_cases} open cases would be overdue at once"
            f" on real time: {WAY_OUT}"
            f" / 本安装使用加速时钟，改用真实时间会使 {open_cases} 个未结案件立即超期：{WAY_OUT_ZH}"
        )


async def _published_cities(connection: Connection) -> list[CityPackKind]:
    rows = await connection.fetch(
        "SELECT p.city, p.content FROM cities.in_force f JOIN cities.pack p USING (version) ORDER BY p.city"
    )
    packs = [(row["city"], json.loads(row["content"])) for row in rows]
    return [CityPackKind(city, pack.get("demo"), pack.get("zone")) for city, pack in packs]


def _cities_in(packs: Path) -> Iterator[CityPackKind]:
    """Yield the cities that a first start publishes; a file that cannot be read is reported when it is checked."""
    for file in sorted(packs.glob("*/city.toml")):
        try:
            raw = tomllib.loads(file.read_text())
        except (OSError, ValueError):
            continue
        yield CityPackKind(str(raw.get("id", file.parent.name)), raw.get("demo") is True)
