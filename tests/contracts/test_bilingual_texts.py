"""Texts that hold both languages are read back in the one that somebody reads."""

import pytest

from paidan_contracts.bilingual_texts import in_language, join_languages
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.transitions import routing

REASONS = [each for each in vars(routing).values() if isinstance(each, Bilingual)]


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        *REASONS,
        ("It was returned 2 times: one unit must be appointed.", "已退单 2 次，须审定责任单位。"),
        ("The working calendar covers 2026-01-01 to 2026-12-31.", "2026 年的工作日历不足以计算时限。"),
        ("The row is missing (E0110).", "E0110 没有条目。"),
    ],
)
def test_each_language_is_read_back(english: str, chinese: str) -> None:
    joined = join_languages(english, chinese)

    assert (in_language(joined, "en"), in_language(joined, "zh")) == (english, chinese)


@pytest.mark.parametrize("text", ["No rule covers it.", "没有规则适用。", "", "It waits. Somebody wrote this."])
def test_a_text_in_one_language_is_for_everybody(text: str) -> None:
    assert in_language(text, "en") == in_language(text, "zh") == text
