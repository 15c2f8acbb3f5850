"""The README's commands of a hotline and of a department over HTTP, run by a shell as they stand there."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.intake.sample_photos import make_jpeg
from tests.journeys.installation import CommandRunner
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=25)

README: Final = Path(__file__).parents[2] / "README.md"
COMMAND: Final = re.compile(r"^curl .*?(?<!\\)(?=\n(?:curl|```)|\n\n)", re.DOTALL | re.MULTILINE)


def commands(beginning: str) -> list[str]:
    """Return the commands of the README's shell block with this text."""
    blocks = re.findall(r"```sh\n(.*?```)", README.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [each for each in blocks if beginning in each]
    return COMMAND.findall(block)


def run(command: str, variables: Mapping[str, str], urls: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Run a command with the installation's addresses, and return what it prints; raise unless it succeeds."""
    at = command.replace("http://127.0.0.1:8101", urls["intake"]).replace("http://127.0.0.1:8102", urls["dispatch"])
    ended = subprocess.run(
        ["sh", "-ec", at.replace("curl ", "curl --fail-with-body --silent --show-error ", 1)],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, f"{at}\n{ended.stdout}{ended.stderr}"
    found: dict[str, Any] = json.loads(ended.stdout) if ended.stdout.startswith("{") else {}
    return found


def add_key(installation: CommandRunner, scope: str) -> str:
    """Return the token of a new key, the second word that the command prints."""
    return installation.run("keys", "add", "--name", "hotline", "--city", "quancheng", scope).stdout.split()[1]


async def opened_case(report_id: str, url: str, token: str) -> str:
    """Return the case of a report once a department has its order."""
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {token}"}, timeout=30) as client:

        async def dispatched() -> str:
            found = (await client.get(f"{url}/v1/reports/{report_id}")).json()
            return found["case_id"] if found.get("status") == "dispatched" else ""

        return await poll(dispatched, within_s=60, what="the report's case is dispatched")


async def department_of(case_id: str, url: str, token: str) -> str:
    """Return the department that has the order."""
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {token}"}, timeout=30) as client:
        found: str = (await client.get(f"{url}/v1/cases/{case_id}")).json()["case"]["department"]
        return found


def workbooks_in(folder: Path) -> list[str]:
    """Return the names of the workbooks, without their dates."""
    files = [each for each in folder.glob("*.xlsx") if each.read_bytes().startswith(b"PK")]
    return [each.stem.rpartition("-")[0] for each in files]


async def test_the_readmes_commands_report_and_finish_a_case(installation: CommandRunner, tmp_path: Path) -> None:
    services = json.loads(installation.run("status", "--json").stdout)["services"]
    urls = {each["name"]: each["url"] for each in services}
    hotline, monitor = add_key(installation, "source:hotline-12345"), add_key(installation, "role:monitor")
    (tmp_path / "after.jpg").write_bytes(make_jpeg())

    (ticket,) = commands("/v1/tickets?dry-run=true")
    judged = run(ticket, {"TOKEN": hotline}, urls, tmp_path)
    sent = run(ticket.replace("?dry-run=true", ""), {"TOKEN": hotline}, urls, tmp_path)
    case_id = await opened_case(sent["report_id"], urls["intake"], hotline)
    department = await department_of(case_id, urls["dispatch"], monitor)
    variables = {"TOKEN": add_key(installation, f"department:{department}"), "CASE": case_id, "ETAG": 'W/"another"'}
    photo, finish, outcome, *orders = commands("4711-finish")
    ref = run(photo, variables, urls, tmp_path)["ref"]
    variables["ACTION_ID"] = run(finish.replace("<ref of the photo>", ref), variables, urls, tmp_path)["action_id"]

    async def decided() -> dict[str, Any]:
        try:
            return run(outcome, variables, urls, tmp_path)
        except AssertionError:
            return {}

    found = await poll(decided, within_s=30, what="the answer is decided")
    snapshot, waited, workbook = (run(each, variables, urls, tmp_path) for each in orders)

    assert (judged["report_id"], found["result"]) == (sent["report_id"], "applied")
    assert case_id in {each["order"]["case_id"] for each in snapshot["orders"]}
    assert waited["orders"] == snapshot["orders"]
    assert workbook == {}
    assert workbooks_in(tmp_path) == [f"orders-{department}"]
