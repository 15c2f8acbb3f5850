"""JSON for scripts: no character of a name ends a script, an attribute, a line or an event."""

import json
from dataclasses import replace
from typing import Final

import pytest

from paidan_cockpit.pages import map_layers
from paidan_cockpit.pages.json_text import json_text
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.overview import server_sent_event
from paidan_contracts.city.loader import load_city
from tests.scoring.database_fixture import TINY

LINE_ENDS: Final = ("\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\n", "\r", "\r\n")
"""What anybody counts as the end of a line."""
NAME: Final = f"West{''.join(LINE_ENDS)}</script><!--'\"&区"


def test_a_name_stays_what_it_is_and_means_nothing_else() -> None:
    text = json_text({"name": NAME})

    assert json.loads(text) == {"name": NAME}
    assert len(text.splitlines()) == 1
    assert not set("<>&'") & set(text)
    assert "区" in text


@pytest.mark.parametrize("end", LINE_ENDS)
def test_an_event_of_a_stream_is_read_as_it_was_sent(end: str) -> None:
    """A browser joins the lines of an event by newlines, and knows three ends of a line."""
    event = server_sent_event("map", json_text({"name": f"a{end}b"})).decode()

    [_, *lines] = event.removesuffix("\n\n").split("\n")
    assert json.loads("\n".join(line.removeprefix("data: ") for line in lines)) == {"name": f"a{end}b"}


def test_a_page_in_an_event_keeps_all_but_the_ends_of_its_lines() -> None:
    assert server_sent_event("figures", "<p>a\u2028b\r\n\n").decode() == (
        "event: figures\ndata: <p>a\u2028b\ndata: \n\n"
    )


def test_borders_hold_the_names_of_a_pack_safely() -> None:
    city = load_city(TINY)
    places = city.pack.geography.places
    odd = places[0].model_copy(update={"names": places[0].names.model_copy(update={"en": NAME})})
    changed = city.pack.geography.model_copy(update={"places": (odd, *places[1:])})
    pack = city.pack.model_copy(update={"geography": changed})

    content = map_layers.borders(replace(city, pack=pack), CityNames(city, "en")).decode()

    assert NAME in [each["properties"]["name"] for each in json.loads(content)["features"]]
    assert len(content.splitlines()) == 1
