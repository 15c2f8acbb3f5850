"""Persons are known by name to the cockpit alone: a pack has posts without holders, and Kafka has opaque ids."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from paidan_chassis.edge.person_tokens import UUID_PATTERN
from paidan_contracts.actions import Actor
from paidan_contracts.city.geography import WorkGrid
from paidan_contracts.city.posts import Post
from paidan_deploy.citypacks.check import check_folder
from tests.contracts.city_packs import QUANCHENG, copy_pack
from tests.contracts.test_schema_export import current_schemas

OPAQUE: Final = f"^{UUID_PATTERN}$"
OF_PERSONS: Final = frozenset({"person", "workers", "reporter"})
"""Fields of messages that say which person it is."""
NAMES: Final = frozenset({"names", "plan_names", "level_names"})
"""Names of things that a city's pack has."""
WORDS_FOR_NAMES: Final = frozenset({"name", "surname", "phone", "email"})


def properties_of(schema: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - part of a JSON Schema
    """Yield each property of a schema and of everything in it."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield from schema["properties"].items()
        for part in schema.values():
            yield from properties_of(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from properties_of(part)


def texts_of(schema: Any) -> Iterator[Any]:  # noqa: ANN401 - part of a JSON Schema
    """Yield the pattern of each string that a property may be, or of which it may be a list."""
    options = [*schema.get("anyOf", ()), schema, schema.get("items") or {}]
    yield from (each.get("pattern") for each in options if each.get("type") == "string")


def test_messages_say_which_person_by_an_opaque_id_alone() -> None:
    for kind, message in current_schemas().items():
        for name, schema in properties_of(message):
            if name in OF_PERSONS:
                assert {*texts_of(schema)} == {OPAQUE}, (kind, name)
            assert name in NAMES or WORDS_FOR_NAMES.isdisjoint(name.split("_")), (kind, name)


def test_who_acts_is_told_by_codes_alone() -> None:
    assert Actor.model_fields.keys() == {"kind", "id", "member", "person", "post"}
    for name in ("id", "member", "person", "post"):
        with pytest.raises(ValueError, match=name):
            Actor.model_validate({"kind": "inspector", "id": "key", name: "王敏"})


def test_posts_and_work_grids_of_a_pack_have_no_holder() -> None:
    assert Post.model_fields.keys() == {"id", "names", "duty", "classes", "places", "department"}
    assert WorkGrid.model_fields.keys() == {"id", "names", "places", "posts"}


@pytest.mark.parametrize("file", ["posts.csv", "geography/work_grids.csv"])
@pytest.mark.parametrize("column", ["person", "name", "phone"])
def test_a_column_that_names_who_holds_a_post_is_refused(file: str, column: str, tmp_path: Path) -> None:
    folder = copy_pack(QUANCHENG, tmp_path)
    header, first, *others = (folder / file).read_text(encoding="utf-8").splitlines()
    lines = [f"{header},{column}", f"{first},王敏", *(f"{each}," for each in others)]
    (folder / file).write_text("\n".join(lines) + "\n", encoding="utf-8")

    mistakes = [str(each) for each in check_folder(folder).mistakes]

    assert any(column in each for each in mistakes), mistakes
