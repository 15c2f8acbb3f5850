"""What a page hands to its template is what the template shows: no variable is missing, and none is handed in vain."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Final

import pytest
from jinja2 import Environment, FileSystemLoader, meta, nodes

from paidan_cockpit.pages import routes
from paidan_cockpit.pages.assets import Assets
from paidan_cockpit.pages.renderer import COMMON, TEMPLATES, PageValues, Renderer

ENVIRONMENT: Final = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, extensions=["jinja2.ext.i18n"])
GIVEN: Final = Renderer(Assets(None)).global_names() | COMMON
PAGES: Final = {
    page.template: page for page in PageValues.__subclasses__() if page.__module__.startswith(routes.__package__)
}


def parts_of(template: str) -> Iterator[str]:
    """Yield a template with all that it extends, includes and imports."""
    yield template
    tree = ENVIRONMENT.parse((TEMPLATES / template).read_text(encoding="utf-8"))
    for part in meta.find_referenced_templates(tree):
        assert part is not None, f"{template} names a part that is known only as it is rendered"
        yield from parts_of(part)


def variables_of(template: str) -> set[str]:
    """Return the variables that a template and its parts take from outside."""
    found: set[str] = set()
    for part in parts_of(template):
        tree = ENVIRONMENT.parse((TEMPLATES / part).read_text(encoding="utf-8"))
        found |= meta.find_undeclared_variables(tree) - own_names(tree)
    return found


def own_names(tree: nodes.Template) -> set[str]:
    """Return what a template sets or imports itself; jinja takes a name that only one branch sets for undeclared."""
    names = {each.name for each in tree.find_all(nodes.Name) if each.ctx == "store"}
    names |= {each.name for each in tree.find_all(nodes.Macro)}
    names |= {each.target for each in tree.find_all(nodes.Import)}
    imported = (name for each in tree.find_all(nodes.FromImport) for name in each.names)
    return names | {name if isinstance(name, str) else name[1] for name in imported}


@pytest.mark.parametrize("template", sorted(PAGES))
def test_a_page_has_the_variables_of_its_template(template: str) -> None:
    handed = {each.name for each in fields(PAGES[template])}

    assert variables_of(template) - GIVEN == handed


def test_every_template_is_a_page_or_a_part_of_one() -> None:
    assert {part for template in PAGES for part in parts_of(template)} == {each.name for each in TEMPLATES.iterdir()}
