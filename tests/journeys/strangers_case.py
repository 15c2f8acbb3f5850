"""A case that a stranger reported, in which every text is a script, until its reporter is to be called."""

import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx

from tests.cockpit.markup import PLANTED
from tests.intake.sample_photos import make_jpeg
from tests.journeys.installation import CommandRunner
from tests.journeys.page_crawl import crawl, sign_in
from tests.polling import poll

CITY: Final = "quancheng"
NAME: Final = "欧阳不忘"
PHONE: Final = "13987604321"
POSTS: Final = (
    "dispatcher",
    "inspector",
    "caller",
    "monitor",
    "administrator",
    "clerk",
    "desk-minghu",
    "system-operator",
)


@dataclass(frozen=True, slots=True)
class Handled:
    """A case that a stranger reported, with an installation around it."""

    installation: CommandRunner
    urls: Mapping[str, str]
    keys: Mapping[str, dict[str, str]]
    report_id: str
    case_id: str
    department: str

    async def act(self, scope: str, status: str, **action: Any) -> None:  # noqa: ANN401 - fields of an action
        """Ask for an action with a key of this scope, and wait until the case has the status."""
        path = f"{self.urls['dispatch']}/v1/cases/{self.case_id}"
        async with httpx.AsyncClient(timeout=30) as client:
            headers = self.keys[scope] | {"Idempotency-Key": uuid.uuid4().hex}
            answer = await client.post(f"{path}/actions", json={"action": action}, headers=headers)
            assert answer.status_code == 202, answer.text

            async def has_status() -> bool:
                found = (await client.get(path, headers=self.keys["role:operator"])).json()
                return bool(found["case"]["status"] == status)

            await poll(has_status, within_s=30, what=f"{action['kind']}: {status}")

    async def photo(self, scope: str, colour: str) -> str:
        """Store a photo of work in the case."""
        address = f"{self.urls['intake']}/v1/photos?case_id={self.case_id}"
        async with httpx.AsyncClient(timeout=30, headers=self.keys[scope]) as client:
            return str((await client.post(address, content=make_jpeg(colour=colour))).json()["ref"])

    @asynccontextmanager
    async def person(self, post: str) -> AsyncIterator[httpx.AsyncClient]:
        """Sign somebody in who has this post."""
        of = ("--city", "*") if post == "system-operator" else ("--city", CITY)
        more = ("--department", self.department) if post == "clerk" else ()
        link = self.installation.run("cockpit", "link", "--as", post, *of, *more).stdout.split()[-1]
        async with httpx.AsyncClient(base_url=self.urls["cockpit"], timeout=30) as client:
            await sign_in(client, link)
            yield client


async def report_something(installation: CommandRunner) -> Handled:
    """Report something in which every text is a script; return it once it is with a department."""
    services = json.loads(installation.run("status", "--json").stdout)["services"]
    urls = {each["name"]: each["url"] for each in services}
    keys = {each: _key(installation, each) for each in ("source:hotline-12345", "role:operator", "role:inspector")}
    body = {
        "source_ref": f"<script>alert(0)</script>{installation.home.name}",
        "category": "市容环境/暴露生活垃圾",
        "text": f"垃圾堆了三天 {PLANTED} 电话{PHONE}",
        "address": f"纬二路7号{PLANTED}",
        "wants_callback": True,
        "position": {"x": 117.0411, "y": 36.6512, "crs": "gcj02"},
        "reporter": {"name": NAME, "phone": PHONE},
    }
    async with httpx.AsyncClient(timeout=30, headers=keys["source:hotline-12345"]) as client:
        sent = await client.post(f"{urls['intake']}/v1/tickets", json=body)
        assert sent.status_code == 202, sent.text
        address = f"{urls['intake']}/v1/reports/{sent.json()['report_id']}"

        async def dispatched() -> str:
            found = (await client.get(address)).json()
            return str(found["case_id"]) if found.get("status") == "dispatched" else ""

        case_id = str(await poll(dispatched, within_s=60, what="the report is dispatched"))
        case = await client.get(f"{urls['dispatch']}/v1/cases/{case_id}", headers=keys["role:operator"])
    department = case.json()["case"]["department"]
    keys[f"department:{department}"] = _key(installation, f"department:{department}")
    return Handled(installation, urls, keys, sent.json()["report_id"], case_id, department)


async def work_on(handled: Handled) -> None:
    """Let the department finish the case, which fails once and then passes, with scripts in everybody's words."""
    department = f"department:{handled.department}"
    await handled.act(department, "handling", kind="accept")
    for colour, passed in (("navy", False), ("olive", True)):
        proof = [await handled.photo(department, colour)]
        await handled.act(department, "inspecting", kind="finish", text=f"已清运 {PLANTED}", proof=proof)
        words = {"passed": passed, "reason": f"已核查 {PLANTED}"}
        await handled.act("role:inspector", "closed" if passed else "handling", kind="inspect", **words)


async def pages_of(handled: Handled, post: str, call: str) -> list[httpx.Response]:
    """Return every page that the holder of a post can read; a search for the person finds nothing."""
    async with handled.person(post) as client:
        for words in (PHONE, NAME):
            assert handled.case_id not in (await client.get(f"/queues.csv?queue=all&words={words}")).text
        begin_at = (f"/cases/{handled.case_id}", "/queues.csv?queue=all", call)
        return [page async for page in crawl(client, *begin_at)]


async def looks_at(handled: Handled) -> list[dict[str, Any]]:
    """Return the audit trail's entries of looks at the reporter."""
    auditor = _key(handled.installation, "role:auditor", city="*")
    async with httpx.AsyncClient(timeout=30, headers=auditor) as client:
        events = (await client.get(f"{handled.urls['intake']}/v1/audit/events?limit=1000")).json()["events"]
    return [each for each in events if (each["kind"], each["subject"]) == ("person_read", handled.report_id)]


def _key(installation: CommandRunner, scope: str, city: str = CITY) -> dict[str, str]:
    printed = installation.run("keys", "add", "--name", "personal", "--city", city, scope).stdout
    return {"authorization": f"Bearer {printed.split()[-1]}"}
