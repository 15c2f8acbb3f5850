"""The reason why a server ended is sought in everything it logged since its start, and nowhere else."""

from pathlib import Path

from paidan_deploy.servers.log_tail import LogTail

REASON = "Address already in use\n"


def test_reason_is_found_before_much_later_output(tmp_path: Path) -> None:
    """Kafka with 200 topics logs 42 kB of shutdown after the line about its port."""
    log = tmp_path / "log"
    log_tail = LogTail.from_now(log)

    log.write_text(REASON + "INFO shutting down a partition\n" * 10_000)

    assert REASON in log_tail.text


def test_output_of_earlier_starts_is_ignored(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(REASON)

    assert LogTail.from_now(log).text == ""


def test_truncated_log_is_read_whole(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("INFO\n" * 1_000)
    log_tail = LogTail.from_now(log)

    log.write_text(REASON)

    assert log_tail.text == REASON


def test_silent_server_gives_no_reason(tmp_path: Path) -> None:
    assert LogTail.from_now(tmp_path / "log").text == ""
