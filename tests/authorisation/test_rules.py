"""Each rule of ``contracts/authorisation.md`` holds: on every route of every service, or on the HTTP server itself."""

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from paidan_dispatch.settings import Settings as DispatchSettings
from tests.authorisation import connection_rules, page, request_rules
from tests.authorisation.page import RuleRow
from tests.authorisation.services import Edges

pytestmark = pytest.mark.takes(seconds=10)

Check = Callable[[Edges, RuleRow], Awaitable[None]]
CHECKS: Final[dict[str, Check]] = {
    each.__name__.replace("_", "-"): each
    for each in (
        connection_rules.connections,
        connection_rules.first_byte,
        connection_rules.head_pace,
        connection_rules.head_size,
        connection_rules.head_lines,
        connection_rules.framing,
        connection_rules.host,
        connection_rules.idle,
        connection_rules.unread,
        request_rules.key,
        request_rules.rate,
        request_rules.unknown_parameter,
        request_rules.repeated_parameter,
        request_rules.missing_header,
        request_rules.header_text,
        request_rules.body_size,
        connection_rules.body_pace,
        connection_rules.body_time,
        request_rules.uploads,
        request_rules.content_type,
        request_rules.unknown_field,
        request_rules.id_form,
        request_rules.trailing_slash,
        request_rules.response_headers,
        request_rules.strict_transport,
    )
}


@pytest.mark.parametrize("rule", page.rules(), ids=lambda rule: rule.name)
async def test_rule_holds(edges: Edges, rule: RuleRow) -> None:
    await CHECKS[rule.name](edges, rule)


def test_every_rule_that_is_tested_is_on_the_page() -> None:
    assert [rule.name for rule in page.rules()] == list(CHECKS)


def test_limits_of_keys_have_defaults_on_every_service() -> None:
    for name in ("rate_per_s", "rate_burst"):
        assert DispatchSettings.model_fields[name].default > 0
