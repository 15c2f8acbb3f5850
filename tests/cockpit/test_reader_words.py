"""What people read has names in place of ids, and is in their language alone."""

from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.timeline import TimelineBuilder
from paidan_cockpit.translations import LANGUAGES, translations
from paidan_contracts.bilingual_texts import join_languages
from paidan_contracts.cases import CaseHeld, CaseUrged
from tests.cockpit.case_records import QUANCHENG_CITY, event_of, opened


def test_why_a_case_was_held_is_told_in_the_readers_language() -> None:
    steps = [event_of(opened(), CaseHeld, reason="No routing rule covers it. 没有派遣规则适用。", actor=None)]

    for language, words in zip(LANGUAGES, ("没有派遣规则适用。", "No routing rule covers it."), strict=True):
        builder = TimelineBuilder(translations(language).gettext, CityNames(QUANCHENG_CITY, language))
        assert [each.text for each in builder.timeline(steps)] == [words]


def test_a_step_of_the_ladder_is_told_in_the_readers_language() -> None:
    reason = join_languages("Not accepted in time: urged automatically", "超时未签收，自动催办")
    steps = [event_of(opened(), CaseUrged, department="drainage", reason=reason, actor=None)]

    for language, words in zip(
        LANGUAGES, ("超时未签收，自动催办", "Not accepted in time: urged automatically"), strict=True
    ):
        builder = TimelineBuilder(translations(language).gettext, CityNames(QUANCHENG_CITY, language))
        assert [each.text for each in builder.timeline(steps)] == [words]


def test_a_figure_of_a_score_is_named_as_the_pack_names_it() -> None:
    names = CityNames(QUANCHENG_CITY, "en")
    named = {
        "department": ("drainage", "Drainage Centre"),
        "city": ("quancheng", "Quancheng"),
        "street": ("nowhere", "nowhere"),
    }

    assert {by: names.of_dimension(by, key) for by, (key, _) in named.items()} == {
        by: name for by, (_, name) in named.items()
    }
