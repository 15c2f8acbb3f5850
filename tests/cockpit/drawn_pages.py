"""Pages drawn in this process, without a server, from the values that their routes would hand to them."""

import uuid
from typing import Final

from starlette.requests import Request

from paidan_cockpit.accounts import Session
from paidan_cockpit.case_events import CockpitCaseEvent
from paidan_cockpit.case_rows import case_row
from paidan_cockpit.pages.assets import Assets
from paidan_cockpit.pages.case_summary import CaseSummary
from paidan_cockpit.pages.renderer import PageValues, Renderer
from paidan_cockpit.pages.request_context import RequestContext
from paidan_cockpit.rights import Person
from paidan_cockpit.settings import Language
from paidan_contracts.state import CaseState
from tests.scoring.case_histories import case_event

RENDERER: Final = Renderer(Assets(None))


def draw(page: PageValues, *scopes: str, language: Language = "en") -> str:
    """Return a page's HTML as a person with these scopes gets it."""
    person = Person("00000000-0000-5000-8000-000000000009", "Wang", "tiny", "clerk", frozenset(scopes))
    request = Request({"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []})
    return RENDERER.render(RequestContext(request, language, "auto", Session(uuid.uuid4(), "csrf", person)), page)


def summary_of(state: CaseState) -> CaseSummary:
    """Return a case as the read model has it."""
    event = CockpitCaseEvent.model_validate_json(case_event(state).model_dump_json())
    return CaseSummary(*case_row(event))
