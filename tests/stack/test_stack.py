"""The whole stack under `paidan up` and `paidan down`: one start serves all tests here, in the order written."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from paidan_deploy.services import INTAKE
from tests.polling import poll, poll_blocking
from tests.stack.blocked_files import blocked_file
from tests.stack.paidan_command import TIMEOUT_S, PaidanCommand, command_with_home
from tests.stack.stack_queries import (
    count_cases,
    execute_sql,
    fetch_results,
    intake_port,
    is_alive,
    is_bindable,
    superuser_dsn,
)

pytestmark = pytest.mark.takes(seconds=90)


@pytest.fixture(scope="module")
def paidan(run_folder: Path) -> Iterator[PaidanCommand]:
    """Start the stack with every city pack of the repository."""
    with command_with_home(run_folder / "stack") as command:
        command("up", "--detach")
        yield command


def test_up_starts_everything_and_status_reports_it(paidan: PaidanCommand) -> None:
    status = paidan.status()

    assert status["running"] is True
    assert {each["name"]: each["condition"] for each in status["services"]} == {
        "intake": "running",
        "dispatch": "running",
        "scoring": "running",
        "cockpit": "running",
    }
    assert status["kafka"]["pid"] in psutil.pids()
    assert status["postgres"]["pid"] in psutil.pids()
    assert status["halts"] == {"intake": [], "dispatch": [], "scoring": [], "cockpit": []}
    assert any("ACLs" in note for note in status["notes"])
    assert (status["clock"]["kind"], status["clock"]["factor"]) == ("scaled", 1.0)
    assert status["clock"]["city_time"].startswith("2026-03-0")
    assert "clock 时钟  of its own, now as fast as real time" in paidan("status").stdout


def test_only_their_owner_reads_secrets_and_none_is_in_the_state(paidan: PaidanCommand) -> None:
    secrets = list(paidan.paths.secrets.iterdir())

    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}
    assert paidan.paths.secrets.stat().st_mode & 0o777 == 0o700
    status = paidan.paths.state.read_text() + "".join(path.read_text() for path in paidan.paths.log.glob("*.log"))
    assert [path.name for path in secrets if path.read_text() in status] == []


async def test_a_role_cannot_read_tables_of_another_service(paidan: PaidanCommand) -> None:
    connection = await asyncpg.connect(superuser_dsn(paidan))
    try:
        for role in ("paidan_intake", "paidan_dispatch", "paidan_scoring", "paidan_cockpit"):
            own = role.removeprefix("paidan_")
            readable = await connection.fetch(
                "SELECT DISTINCT schemaname FROM pg_tables"
                " WHERE schemaname IN ('intake', 'dispatch', 'scoring', 'cockpit', 'cities')"
                "   AND has_schema_privilege($1, schemaname, 'USAGE')"
                "   AND has_table_privilege($1, format('%I.%I', schemaname, tablename), 'SELECT')",
                role,
            )
            assert {row["schemaname"] for row in readable} == {own, "cities"}
    finally:
        await connection.close()


def test_a_second_up_finds_the_first(paidan: PaidanCommand) -> None:
    before = paidan.pids()

    paidan("up", "--detach")

    assert paidan.pids() == before


def test_the_vault_is_sealed_anew_while_the_stack_runs(paidan: PaidanCommand) -> None:
    assert "0 entries sealed under the newest key" in paidan("vault", "reseal").stdout
    unknown = paidan("vault", "erase", "00000000-0000-4000-8000-000000000000", "--reason", "本人申请").stdout
    assert "there is no such report" in unknown
    assert (
        "no report of this person"
        in paidan("vault", "export", "--phone", "13812345678", "--reason", "本人申请", check=False).stderr
    )


def test_a_running_stack_keeps_its_clock(paidan: PaidanCommand) -> None:
    other = PaidanCommand(paidan.paths, {"PAIDAN_CLOCK": "real"})("up", "--detach", check=False)

    assert other.returncode == 1
    assert "the running stack's clock is scaled" in other.stderr


def test_a_killed_service_comes_back(paidan: PaidanCommand) -> None:
    before = paidan.pids()["scoring"]
    os.kill(before, signal.SIGKILL)

    poll_blocking(
        lambda: paidan.condition("scoring") == "running" and paidan.pids()["scoring"] != before,
        within_s=TIMEOUT_S,
        what="scoring runs again",
    )

    assert "scoring died (ended by signal 9" in (paidan.paths.log / "supervisor.log").read_text()


def test_a_server_that_cannot_be_started_is_tried_again(paidan: PaidanCommand) -> None:
    """On a full disk Kafka ends, and neither its ports nor the stack's own state can be written."""
    before = paidan.pids()
    ports = paidan.paths.kafka / "ports.json"
    saved = ports.read_text()
    with blocked_file(ports):
        os.kill(before["kafka"], signal.SIGKILL)
        poll_blocking(lambda: any("retrying" in note for note in paidan.state.notes), within_s=30, what="the note")
        assert paidan("status", check=False).returncode == 1
        with blocked_file(paidan.paths.state):
            log = paidan.paths.log / "supervisor.log"
            deaths = log.read_text().count("scoring died")
            os.kill(before["scoring"], signal.SIGKILL)
            poll_blocking(
                lambda: log.read_text().count("scoring died") > deaths, within_s=30, what="its death is noticed"
            )
        poll_blocking(paidan.paths.state.is_file, within_s=30, what="the state is published again")
        ports.rmdir()
        ports.write_text(saved)

        poll_blocking(
            lambda: paidan.pids().get("kafka") and all(each.condition == "running" for each in paidan.state.services),
            within_s=TIMEOUT_S,
            what="Kafka and scoring run again",
        )
    assert paidan.pids()["supervisor"] == before["supervisor"]
    assert not any("retrying" in note for note in paidan.state.notes)


async def test_a_halt_is_shown_and_persists_over_a_restart_until_resume(paidan: PaidanCommand) -> None:
    await execute_sql(
        paidan, "INSERT INTO dispatch.halt (consumer, reason, detail) VALUES ('dispatch', 'planted', 'x')"
    )
    os.kill(paidan.pids()["dispatch"], signal.SIGKILL)

    await poll(lambda: paidan.condition("dispatch") == "halted", within_s=TIMEOUT_S, what="dispatch finds its halt")
    status = paidan.status()
    assert [halt["reason"] for halt in status["halts"]["dispatch"]] == ["planted"]
    assert paidan("status", check=False).returncode == 1

    assert "Cleared 1 halt" in paidan("resume", "--service", "dispatch").stdout
    await poll(lambda: paidan.condition("dispatch") == "running", within_s=TIMEOUT_S, what="dispatch runs again")
    assert paidan.status()["halts"]["dispatch"] == []


def test_kill_9_of_everything_loses_nothing_and_up_avoids_a_taken_port(paidan: PaidanCommand) -> None:
    before = paidan.pids()
    secrets = {path.name: path.read_text() for path in paidan.paths.secrets.iterdir()}
    # The supervisor first, or it would restart what dies after it.
    for name in sorted(before, key=lambda name: name != "supervisor"):
        os.kill(before[name], signal.SIGKILL)
    port = intake_port(paidan)
    poll_blocking(lambda: is_bindable(port), what="the killed service releases its port")

    with socket.create_server(("127.0.0.1", port)):
        paidan("up", "--detach")

        status = paidan.status()
        assert [each for each in status["services"] if each["condition"] != "running"] == []
        assert intake_port(paidan) != port
        # The configured port may be free again by now, if another stack held it until just before.
        moved = intake_port(paidan) != INTAKE.port
        assert any("intake listens on" in note for note in status["notes"]) is moved
    assert {path.name: path.read_text() for path in paidan.paths.secrets.iterdir()} == secrets
    assert "city quancheng is in force" in (paidan.paths.log / "supervisor.log").read_text()
    assert (paidan.paths.log / "supervisor.log").read_text().count("city quancheng is in force") == 1


def test_services_left_by_a_killed_supervisor_are_stopped_and_restarted(paidan: PaidanCommand) -> None:
    before = paidan.pids()
    os.kill(before["supervisor"], signal.SIGKILL)

    paidan("up", "--detach")

    after = paidan.pids()
    assert after["intake"] != before["intake"]
    assert (after["kafka"], after["postgres"]) == (before["kafka"], before["postgres"])


def test_down_ends_every_process(paidan: PaidanCommand) -> None:
    before = paidan.pids()

    paidan("down")

    assert [name for name, pid in before.items() if is_alive(pid)] == []
    assert paidan.status()["running"] is False
    assert paidan("status", check=False).returncode == 1


async def test_sigterm_during_the_demo_stops_everything_in_order(paidan: PaidanCommand, tmp_path: Path) -> None:
    """The shutdown of a machine or session sends it, without Ctrl-C. The stack checks itself meanwhile."""
    output_file = tmp_path / "output"
    paidan("down", check=False)
    checking = PaidanCommand(paidan.paths, {"PAIDAN_CHECK_EVERY_S": "1"})
    with checking.start("demo", output=output_file) as demo:
        await poll(lambda: "a day in" in output_file.read_text(), within_s=TIMEOUT_S, what="the day begins")
        await poll(lambda: count_cases(paidan), within_s=TIMEOUT_S, what="a case")
        await poll(lambda: fetch_results(paidan), within_s=60, what="a result of the scheduled check")
        assert json.loads((await fetch_results(paidan))[0].value)["holds"] is True
        assert not any("check" in note for note in paidan.state.notes)
        before = paidan.pids()

        demo.terminate()

        assert await asyncio.to_thread(demo.wait, 30) == 0, output_file.read_text()
    assert output_file.read_text().rstrip().endswith("Stopped. / 已停止。")
    assert len(before) == 7
    assert [name for name, pid in before.items() if is_alive(pid)] == []
    assert not (paidan.paths.services / "verify" / "process.json").exists()
