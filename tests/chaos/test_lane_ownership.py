"""Several dispatch processes, frozen, killed and rebalanced, still decide every record exactly once."""

import signal
from dataclasses import replace

import pytest

from paidan_deploy.servers.postgres import PostgresServer
from paidan_deploy.services import DISPATCH
from tests.chaos.audit import audit_installation
from tests.chaos.installation import ChaosInstallation
from tests.chaos.load import Load
from tests.chaos.wait_settled import wait_settled
from tests.polling import poll
from tests.servers import ServerAddresses

pytestmark = pytest.mark.takes(seconds=45)

ONLY_LANES = ("--only", "loop")


async def test_frozen_owners_write_nothing_after_losing_their_lanes(installation: ChaosInstallation) -> None:
    """One freezes idle in its transaction, its successor in a statement, a third takes over; then both are woken."""
    load = Load(installation, seed=3, answered_percent=50)
    await installation.start()
    installation.processes["dispatch"].kill()
    first, second, third = (installation.new_process(DISPATCH, name=f"dispatch-{each}") for each in range(3))

    first.start(*ONLY_LANES, kill_point="dispatch:frozen_idle:1")
    await load.send_reports_until(first.is_frozen, name="a")
    second.start(*ONLY_LANES, kill_point="dispatch:frozen_in_statement:1")
    await load.send_reports_until(second.is_frozen, name="b")
    third.start(*ONLY_LANES)
    installation.processes["dispatch"].start("--only", "edge")
    async with load.responders():
        await load.send_reports_until(lambda: third.log_text().count("batch_applied") > 3, name="c")
        written = await installation.fetch_value("SELECT count(*) FROM history")
        for woken in (first, second):
            woken.send_signal(signal.SIGCONT)
        await load.send_reports(200, name="d")
        await poll(lambda: "batch_delayed" in first.log_text(), within_s=60, what="the first one notices its loss")
        await poll(lambda: "batch_delayed" in second.log_text(), within_s=60, what="the second one notices its loss")
    await wait_settled(installation)

    await audit_installation(installation, load)
    assert "frozen_owner_terminated" in third.log_text()
    # A process frozen for over a minute may exit as stalled (70), for its supervisor to restart.
    assert {first.exit_code, second.exit_code} <= {None, 70}
    assert third.exit_code is None
    assert await installation.fetch_value("SELECT count(*) FROM history") > written


@pytest.fixture
def installation_servers(short_session_servers: ServerAddresses, own_postgres: PostgresServer) -> ServerAddresses:
    """Return servers with a PostgreSQL that may be killed."""
    return replace(short_session_servers, postgres=own_postgres.dsn)


async def test_rebalances_under_load_and_during_a_postgresql_outage(
    installation: ChaosInstallation, own_postgres: PostgresServer, *, full_run: bool
) -> None:
    load = Load(installation, seed=4, answered_percent=30)
    await installation.start()
    newcomer = installation.new_process(DISPATCH, name="newcomer")
    regular = installation.processes["dispatch"]

    async with load.responders():
        for turn in range(12 if full_run else 3):
            # In turn, the newcomer stops, is killed, and is killed while the database is down.
            seen = newcomer.log_text().count("lanes_assigned")
            newcomer.start(*ONLY_LANES)
            await load.send_reports_until(
                lambda seen=seen: newcomer.log_text().count("lanes_assigned") >= seen + 2,  # type: ignore[misc]
                name=f"in{turn}.",
            )
            seen = regular.log_text().count("lanes_assigned")
            if turn % 3 == 2:
                own_postgres.kill()
            newcomer.send_signal(signal.SIGTERM if turn % 3 == 0 else signal.SIGKILL)
            await poll(
                lambda seen=seen: regular.log_text().count("lanes_assigned") > seen,  # type: ignore[misc]
                within_s=60,
                what="a rebalance without the newcomer",
            )
            if turn % 3 == 2:
                own_postgres.start()
            await load.send_reports(60, name=f"out{turn}.")
            newcomer.kill()
        regular.kill()
        regular.start(kill_point="dispatch:in_rebalance:0")
        await regular.wait_until_ready()
        newcomer.start(*ONLY_LANES)
        await load.send_reports_until(lambda: regular.exit_code == -signal.SIGKILL, name="killed")
        regular.start()
    await wait_settled(installation)

    await audit_installation(installation, load)
    assert newcomer.exit_code is None
