"""The installation's clock is chosen once: later starts keep it, whatever their shell says."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from pydantic import SecretStr

from paidan_chassis import city_packs
from paidan_chassis.clock import ClockMismatch, open_clock, read_scale, real_now, set_scale
from paidan_chassis.database import Connection, open_pool
from paidan_contracts.city import load_pack, pack_version
from paidan_deploy.cli.stack import clock_line
from paidan_deploy.credentials import Credentials
from paidan_deploy.provisioning.clock import ClockReading, ClockRefused, check_city_fits_clock, read_clock, settle_clock
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.provisioning.database import prepare_database
from tests import fork_server
from tests import servers as real

pytestmark = pytest.mark.takes(seconds=20)

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
TINY = Path("tests/cities/tiny")


@pytest.fixture(scope="module")
async def prepared_database(
    servers: real.ServerAddresses, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    """Prepare a database and yield its name; each test has a copy."""
    async with real.fresh_database(servers) as dsn:
        await prepare_database(dsn, Credentials(tmp_path_factory.mktemp("secrets")))
        yield dsn.rsplit("/", 1)[1]


@pytest.fixture
async def database(servers: real.ServerAddresses, prepared_database: str) -> AsyncIterator[str]:
    async with real.fresh_database(servers, template=prepared_database) as dsn:
        yield dsn


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    async with open_connection(database) as opened:
        yield opened


def packs_folder(folder: Path, **demo_by_city: bool) -> Path:
    for city, demo in demo_by_city.items():
        (folder / city).mkdir()
        (folder / city / "city.toml").write_text(f'id = "{city}"\n' + ("demo = true\n" if demo else ""))
    return folder


async def city_time(connection: Connection) -> datetime:
    scale = await read_scale(connection)
    assert scale is not None
    return scale.city_time(real_now())


async def open_a_case(connection: Connection) -> None:
    await connection.execute(
        "INSERT INTO dispatch.case_now (case_id, lane, version, city, area, status, channel, past, reported_at,"
        " recurs_until, chain) VALUES ('c', 0, 1, 'tiny', 'tiny', 'received', 'hotline', false, now(),"
        " 'infinity', sha256(''))"
    )


async def test_real_time_stays_when_the_variable_is_gone(connection: Connection, database: str, tmp_path: Path) -> None:
    packs = packs_folder(tmp_path, alpha=True)

    assert await settle_clock(database, "real", packs) == "real"
    assert await settle_clock(database, None, packs) == "real"

    reading = await read_clock(connection)
    assert reading is not None
    assert reading.local_times == {}, "no city is in force"
    assert (reading.kind, reading.factor) == ("real", 1.0)
    assert abs(real_now() - reading.city_time) < timedelta(seconds=10)
    assert abs(real_now() - await city_time(connection)) < timedelta(seconds=10)


async def test_going_back_to_a_scaled_clock_is_refused_with_the_way_out(
    connection: Connection, database: str, tmp_path: Path
) -> None:
    packs = packs_folder(tmp_path, alpha=True)
    await settle_clock(database, "real", packs)

    with pytest.raises(ClockRefused, match=r"runs on real time.*unset PAIDAN_CLOCK, or begin anew with `paidan down"):
        await settle_clock(database, "scaled", packs)

    with pytest.raises(asyncpg.CheckViolationError, match="cannot become"):
        await connection.execute("UPDATE cities.clock SET anchor_city = $1, fast_until = $1", MARCH)


async def test_a_scaled_clock_stays_and_a_jump_over_open_cases_is_refused(
    connection: Connection, database: str, tmp_path: Path
) -> None:
    packs = packs_folder(tmp_path, alpha=True)
    assert await settle_clock(database, None, packs) == "scaled"
    before = await city_time(connection)
    await open_a_case(connection)

    assert await settle_clock(database, "scaled", packs) == "scaled"
    with pytest.raises(ClockRefused, match="its 1 open cases would be overdue at once"):
        await settle_clock(database, "real", packs)

    assert timedelta() <= await city_time(connection) - before < timedelta(seconds=30)


async def test_an_installation_without_open_cases_may_move_on_to_real_time(
    connection: Connection, database: str, tmp_path: Path
) -> None:
    packs = packs_folder(tmp_path, alpha=True)
    await settle_clock(database, None, packs)

    assert await settle_clock(database, "real", packs) == "real"
    assert await settle_clock(database, None, packs) == "real"


async def test_a_city_ahead_of_real_time_cannot_move_to_it(
    connection: Connection, database: str, tmp_path: Path
) -> None:
    packs = packs_folder(tmp_path, alpha=True)
    await settle_clock(database, None, packs)
    ahead = real_now() + timedelta(days=3)
    await set_scale(connection, city_time=ahead, factor=1, fast_until=ahead)

    with pytest.raises(ClockRefused, match=r"PAIDAN_CLOCK=real: the city's time is .* already"):
        await settle_clock(database, "real", packs)


async def test_one_real_city_among_the_packs_means_real_time(
    connection: Connection, database: str, tmp_path: Path
) -> None:
    packs = packs_folder(tmp_path, alpha=True, real=False)

    with pytest.raises(ClockRefused, match="for demo cities alone, and real is none"):
        await settle_clock(database, "scaled", packs)

    assert await settle_clock(database, None, packs) == "real"


async def test_a_real_city_is_not_published_on_a_scaled_clock(
    connection: Connection, database: str, tmp_path: Path
) -> None:
    pack = load_pack(TINY).pack
    assert pack is not None
    real = pack.model_copy(update={"demo": None})
    await settle_clock(database, None, packs_folder(tmp_path, alpha=True))

    await check_city_fits_clock(connection, pack)
    with pytest.raises(ClockRefused, match="tiny is no demo city"):
        await check_city_fits_clock(connection, real)

    content = real.canonical_bytes()
    await city_packs.save(connection, pack_version(content), real.id, content)
    await city_packs.put_in_force(connection, real.id, pack_version(content), real_now())
    await check_city_fits_clock(connection, real)


async def test_packs_of_an_earlier_release_say_nothing_and_keep_the_scaled_clock(
    connection: Connection, database: str, tmp_path: Path
) -> None:
    pack = load_pack(TINY).pack
    assert pack is not None
    content = pack.model_copy(update={"demo": None}).canonical_bytes()
    assert b"demo" not in content
    await city_packs.save(connection, pack_version(content), "tiny", content)
    await city_packs.put_in_force(connection, "tiny", pack_version(content), real_now())

    assert await settle_clock(database, None, packs_folder(tmp_path, tiny=True)) == "scaled"
    reading = await read_clock(connection)
    assert reading is not None
    assert reading.local_times["tiny"].isoformat() == reading.city_time.astimezone(ZoneInfo(pack.zone)).isoformat()


async def test_a_service_with_another_clock_than_the_installation_ends(
    connection: Connection, database: str, tmp_path: Path
) -> None:
    await settle_clock(database, "real", tmp_path)

    async with open_pool(SecretStr(database), schema="dispatch", size=2) as pool:
        with pytest.raises(ClockMismatch, match="clock=scaled, but this installation's clock is real"):
            async with open_clock("scaled", pool):
                pass


@pytest.mark.parametrize("value", ["fake", "", "REAL "])
def test_an_invalid_clock_is_one_line_with_the_variable_and_its_values(value: str, tmp_path: Path) -> None:
    environment = os.environ | {"PAIDAN_HOME": str(tmp_path / "home"), "PAIDAN_CLOCK": value}

    ended = fork_server.run("paidan_deploy", "up", "--detach", environment=environment, timeout_s=60)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.count("\n") == 1
    assert "PAIDAN_CLOCK: Input should be 'real' or 'scaled'" in ended.stderr
    assert "不在允许的取值之内，须为 'real' 或 'scaled'" in ended.stderr


@pytest.mark.parametrize(
    ("factor", "told"), [(1, "now as fast as real time"), (1080, "1080 times as fast as real time")]
)
def test_a_clock_of_its_own_that_runs_at_real_speed_is_not_called_faster(factor: float, told: str) -> None:
    line = clock_line(ClockReading("scaled", factor, MARCH))

    assert told in line
    assert "1 times" not in line
