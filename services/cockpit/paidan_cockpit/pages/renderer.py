"""Templates and what they call: texts, times, names. Everything that a template prints is escaped."""

from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import quote
from uuid import uuid4

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from paidan_cockpit.accounts import LinkHolder
from paidan_cockpit.case_marks import values_of
from paidan_cockpit.case_rows import number_of
from paidan_cockpit.pages.assets import Assets
from paidan_cockpit.pages.bulk_forms import case_fields
from paidan_cockpit.pages.done_texts import done_text
from paidan_cockpit.pages.labels import Translate, label
from paidan_cockpit.pages.receipts import rule_name
from paidan_cockpit.pages.request_context import MAX_PHOTOS, THEMES, RequestContext
from paidan_cockpit.rights import Person, pages_of
from paidan_cockpit.search_words import single_characters
from paidan_cockpit.sessions import OpenSession
from paidan_cockpit.settings import Language
from paidan_cockpit.translations import LANGUAGE_NAMES, LANGUAGES, translations
from paidan_contracts.bilingual_texts import in_language

TEMPLATES: Final = Path(__file__).parents[1] / "templates"
COMMON: Final = frozenset({"context", "person", "csrf", "menu", "path", "query"})
"""The variables of every template; the others are its page's fields."""
_EXTENSIONS: Final = ("jinja2.ext.i18n",)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageValues:
    """What a template shows beside what every page has: each field of a page is a variable of its template."""

    template: ClassVar[str]


class Renderer:
    """Renders templates, with one environment a language."""

    def __init__(self, assets: Assets, map_attribution: str = "") -> None:
        self._assets = assets
        self._map_attribution = map_attribution
        self._environments = {language: self._environment(language) for language in LANGUAGES}

    def render(self, context: RequestContext, values: PageValues, template: str = "") -> str:
        """Return the HTML of a page for a request; with ``template`` only that part of it."""
        person = context.session.person if context.session else None
        common = {
            "context": context,
            "person": person,
            "csrf": context.session.csrf if context.session else "",
            "menu": list(pages_of(person)) if person else [],
            "path": own_path(context.request.url.path),
            "query": context.request.url.query,
        }
        shown = {each.name: getattr(values, each.name) for each in fields(values)}
        return self._environments[context.language].get_template(template or values.template).render(common | shown)

    def global_names(self) -> frozenset[str]:
        """Return the names of what every template may call."""
        return frozenset(self._environments["en"].globals)

    def _environment(self, language: Language) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            extensions=_EXTENSIONS,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined] # of the extension
        environment.globals.update(
            language=language,
            languages=LANGUAGE_NAMES,
            themes=THEMES,
            in_language=in_language,
            rule_name=rule_name,
            done_text=partial(done_text, translate=translations(language).gettext),
            label=partial(label, translations(language).gettext),
            post_name=partial(post_name, language, translations(language).gettext),
            max_photos=MAX_PHOTOS,
            case_fields=case_fields,
            values_of=values_of,
            case_number=number_of,
            single_characters=single_characters,
            new_key=lambda: str(uuid4()),
            asset=self._assets.address,
            map_attribution=self._map_attribution,
            has_library=self._assets.has_library,
        )
        return environment


def own_path(path: str) -> str:
    """Return a path as the address of a page of ours: one that begins with two slashes would lead to another site."""
    return "/" + quote(path.lstrip("/"))


def post_name(language: Language, translate: Translate, holder: Person | LinkHolder | OpenSession) -> str:
    """Return the name of a person's post: the pack's own, or that of a post that every installation has."""
    names = holder.post_names
    if names is None:
        return label(translate, "post", holder.post)
    return names.zh if language == "zh" else names.en
