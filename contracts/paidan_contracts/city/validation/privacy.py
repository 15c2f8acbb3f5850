"""Validates the privacy policy: patterns that can be read, and words that say one thing."""

from collections import Counter
from collections.abc import Iterator

from paidan_contracts.city.diagnostics import Violation
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.privacy import WORD_LISTS, PrivacyPolicy
from paidan_contracts.pii_words import COMMON_WORDS, InvalidShape, parse_shape


def check_privacy(pack: Pack) -> Iterator[Violation]:
    """Yield patterns that cannot be read, and words that are given twice, in two senses, or left out in vain."""
    if pack.privacy is not None:
        yield from _check_patterns(pack.privacy)
        yield from _check_words(pack.privacy)


def _check_patterns(policy: PrivacyPolicy) -> Iterator[Violation]:
    names = Counter(pattern.name for pattern in policy.patterns)
    for index, pattern in enumerate(policy.patterns):
        if names[pattern.name] > 1:
            yield Violation(
                ("privacy", "patterns", index, "name"),
                f"{pattern.name!r} is given {names[pattern.name]} times",
                f"{pattern.name!r} 出现了 {names[pattern.name]} 次",
            )
        for shape in pattern.shapes:
            try:
                parse_shape(pattern.name, shape)
            except InvalidShape as error:
                yield Violation(
                    ("privacy", "patterns", index, "shapes"), f"{shape!r}: {error}", f"{shape!r}：{error.message_zh}"
                )


def _check_words(policy: PrivacyPolicy) -> Iterator[Violation]:
    for name in WORD_LISTS:
        for word, number in Counter(getattr(policy, name)).items():
            if number > 1:
                yield Violation(("privacy", name), f"{word!r} is given {number} times", f"{word!r} 出现了 {number} 次")
            elif word in COMMON_WORDS[name]:
                yield Violation(
                    ("privacy", name), f"{word!r} is one of the common words already", f"{word!r} 已在通用词之中"
                )
    both = {*policy.thing_words, *COMMON_WORDS["thing_words"]} & {
        *policy.personal_words,
        *COMMON_WORDS["personal_words"],
    }
    for word in sorted(both - set(policy.without_words)):
        yield Violation(
            ("privacy", "thing_words"),
            f"{word!r} cannot mark a thing's number and a person's",
            f"{word!r} 不能既标示物的编号又标示人的号码",
        )
    common = {word for words in COMMON_WORDS.values() for word in words}
    for word in policy.without_words:
        if word not in common:
            yield Violation(
                ("privacy", "without_words"), f"{word!r} is none of the common words", f"{word!r} 不在通用词之中"
            )
