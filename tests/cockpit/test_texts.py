"""Every text of a page is there in Chinese as in English, with the same placeholders; languages are chosen rightly."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_args

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po

from paidan_cockpit.pages.labels import LABELS, label
from paidan_cockpit.pages.timeline import SENTENCES
from paidan_cockpit.translations import CATALOGUES, choose_language, translations
from paidan_contracts.cases import AnyCaseEvent
from paidan_contracts.state import Status

PACKAGE: Final = Path(__file__).parents[2] / "services/cockpit/paidan_cockpit"
METHODS: Final = [("**.py", "python"), ("templates/**.html", "jinja2")]
PLACEHOLDERS: Final = re.compile(r"%\(\w+\)s|\{\w+\}")


def extracted_texts() -> set[str]:
    """Return every text in code and templates; of a plural the singular."""
    options = {"templates/**.html": {"trimmed": "true"}}
    found = extract_from_dir(str(PACKAGE), METHODS, options, DEFAULT_KEYWORDS)
    return {message if isinstance(message, str) else message[0] for _, _, message, _, _ in found}


def chinese_texts() -> Iterator[tuple[str, list[str]]]:
    with (CATALOGUES / "zh/cockpit.po").open("rb") as source:
        for message in read_po(source, locale="zh"):
            if message.id:
                texts = (
                    [message.string]
                    if isinstance(message.string, str)
                    else [str(each) for each in message.string or ("",)]
                )
                yield (message.id if isinstance(message.id, str) else message.id[0]), texts


def test_every_text_is_translated_and_none_is_left_over() -> None:
    translated = {id_ for id_, texts in chinese_texts() if all(texts)}

    assert extracted_texts() - translated == set()
    assert translated - extracted_texts() == set()


def test_a_translation_has_the_placeholders_of_its_text() -> None:
    for id_, texts in chinese_texts():
        for text in texts:
            missing = set(PLACEHOLDERS.findall(text)) - set(PLACEHOLDERS.findall(id_)) - {"%(num)s"}
            assert not missing, (id_, text)


def test_an_untranslated_text_is_found() -> None:
    catalogue = read_po(io.BytesIO(b'msgid "planted"\nmsgstr ""\n'))

    assert [message.id for message in catalogue if message.id and not message.string] == ["planted"]


def test_codes_of_the_contracts_have_texts() -> None:
    assert LABELS["status"].keys() == set(get_args(Status))
    chinese = translations("zh").gettext
    assert label(chinese, "status", "filed") == "待派遣"
    assert label(chinese, "status", "a_newer_one") == "a_newer_one"


def test_every_step_of_a_case_has_a_sentence() -> None:
    union = get_args(AnyCaseEvent)[0]
    types = {str(model.model_fields["type"].default) for model in get_args(union)}

    assert types - {key.partition(" ")[0] for key in SENTENCES} == set()


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("zh-CN", "zh"),
        ("fr,zh;q=0.5,en;q=0.4", "zh"),
        ("fr", "zh"),
        ("", "zh"),
        ("en;q=nonsense,zh;q=0.1", "zh"),
    ],
)
def test_the_language_is_the_browsers(accepted: str, language: str) -> None:
    assert choose_language(accepted, "zh") == language
