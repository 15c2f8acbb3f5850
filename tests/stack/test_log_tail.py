"""Why a server ended is looked for in all that it said since its start, and nowhere else."""

from pathlib import Path

from paidan_deploy.servers.log_tail import Said

REASON = "Address already in use\n"


def test_a_reason_counts_however_much_is_said_after_it(tmp_path: Path) -> None:
    """A Kafka of 200 topics shuts them down after saying that it lost its port: 42 kB of it were seen."""
    log = tmp_path / "log"
    said = Said.from_now(log)

    log.write_text(REASON + "INFO shutting down a partition\n" * 10_000)

    assert REASON in said.text


def test_what_an_earlier_start_said_is_not_held_against_this_one(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(REASON)

    assert Said.from_now(log).text == ""


def test_a_log_that_was_begun_anew_counts_as_a_whole(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("INFO\n" * 1_000)
    said = Said.from_now(log)

    log.write_text(REASON)

    assert said.text == REASON


def test_a_server_that_said_nothing_gave_no_reason(tmp_path: Path) -> None:
    assert Said.from_now(tmp_path / "log").text == ""
