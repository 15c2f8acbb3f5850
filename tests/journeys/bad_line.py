"""A mobile line that loses requests and answers."""

import re
from dataclasses import dataclass, field

from playwright.async_api import Request, Route


@dataclass
class BadLine:
    """A line that loses what is sent, or what is answered, and notes under which ids it was sent."""

    loses: list[str]
    keys: list[str] = field(default_factory=list)

    async def carry(self, route: Route, request: Request) -> None:
        """Carry a request, or lose it or its answer, as the plan says."""
        body = request.post_data_buffer or b""
        found = re.search(rb'name="key"\r\n\r\n([^\r]+)', body)
        self.keys.append(found[1].decode() if found else "")
        match self.loses.pop(0) if self.loses else "":
            case "request":
                await route.abort()
            case "answer":
                await route.fetch()
                await route.abort()
            case _:
                await route.continue_()
