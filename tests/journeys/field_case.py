"""One case that a journey follows, and whoever works on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from tests.journeys.installation import CommandRunner
from tests.polling import poll

CITY: Final = "quancheng"
DEPARTMENT: Final = "minghu-sanitation"


@dataclass(slots=True)
class Work:
    """An installation with one case, and the addresses of its services."""

    installation: CommandRunner
    urls: Mapping[str, str]
    case_id: str
    operator: Mapping[str, str]

    def link(self, post: str, *more: str) -> str:
        """Return a new sign-in link."""
        return self.installation.run("cockpit", "link", "--as", post, "--city", CITY, *more).stdout.split()[-1]

    def clerk_link(self) -> str:
        """Return a new sign-in link of the department's clerk."""
        return self.link("clerk", "--department", DEPARTMENT)

    async def case(self) -> dict[str, Any]:
        """Return the case as dispatch has it."""
        async with httpx.AsyncClient(headers=dict(self.operator), timeout=30) as client:
            answer = await client.get(f"{self.urls['dispatch']}/v1/cases/{self.case_id}")
            found: dict[str, Any] = answer.json()
            return found

    async def wait_for(self, status: str) -> dict[str, Any]:
        """Wait until the case has this status."""

        async def reached() -> dict[str, Any]:
            found = await self.case()
            return found if found["case"]["status"] == status else {}

        return await poll(reached, within_s=30, what=f"the case is {status}")
