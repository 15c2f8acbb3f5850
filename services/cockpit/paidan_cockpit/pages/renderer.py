"""Templates and what they call: texts, times, names. Everything that a template prints is escaped."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from paidan_cockpit.accounts import LinkHolder
from paidan_cockpit.pages.assets import Assets
from paidan_cockpit.pages.labels import Translate, label
from paidan_cockpit.pages.receipts import rule_name
from paidan_cockpit.pages.visit import MAX_PHOTOS, THEMES, Visit
from paidan_cockpit.rights import Person, pages_of
from paidan_cockpit.sessions import OpenSession
from paidan_cockpit.settings import Language
from paidan_cockpit.translations import LANGUAGE_NAMES, LANGUAGES, translations
from paidan_contracts.bilingual_texts import in_language

TEMPLATES: Final = Path(__file__).parents[1] / "templates"
_EXTENSIONS: Final = ("jinja2.ext.i18n",)


class Renderer:
    """Renders templates, with one environment a language."""

    def __init__(self, assets: Assets, map_attribution: str = "") -> None:
        self._assets = assets
        self._map_attribution = map_attribution
        self._environments = {language: self._environment(language) for language in LANGUAGES}

    def render(self, visit: Visit, template: str, values: Mapping[str, Any]) -> str:
        """Return the HTML of a template for a visit."""
        person = visit.session.person if visit.session else None
        common = {
            "visit": visit,
            "person": person,
            "csrf": visit.session.csrf if visit.session else "",
            "menu": list(pages_of(person)) if person else [],
            "path": visit.request.url.path,
            "query": visit.request.url.query,
        }
        return self._environments[visit.language].get_template(template).render(common | dict(values))

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
            label=partial(label, translations(language).gettext),
            post_name=partial(post_name, language, translations(language).gettext),
            max_photos=MAX_PHOTOS,
            new_key=lambda: str(uuid4()),
            asset=self._assets.address,
            map_attribution=self._map_attribution,
            has_library=self._assets.has_library,
        )
        return environment


def post_name(language: Language, translate: Translate, holder: Person | LinkHolder | OpenSession) -> str:
    """Return the name of a person's post: the pack's own, or that of a post that every installation has."""
    names = holder.post_names
    if names is None:
        return label(translate, "post", holder.post)
    return names.zh if language == "zh" else names.en
