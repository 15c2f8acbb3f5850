"""Scores as scoring publishes them, in any order, and what the cockpit must keep of them."""

import random
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from paidan_contracts.scores import ScoreUpdated
from tests.scoring import case_histories


def shuffled_scores(number: int, seed: int) -> list[ScoreUpdated]:
    """Return three versions of so many scores in random order, some twice; every second one is of a department."""
    rng = random.Random(seed)  # noqa: S311 - a test has to be repeatable, not secret
    scores = [_new_score(each, version) for each in range(number) for version in (1, 2, 3)]
    again = rng.sample(scores, len(scores) // 5)
    return rng.sample([*scores, *again], len(scores) + len(again))


def city_rows(scores: Sequence[ScoreUpdated]) -> list[tuple[Any, ...]]:
    """Return what must be stored: of each score of a whole city the highest version, by id."""
    newest: dict[str, ScoreUpdated] = {}
    for each in scores:
        if each.by == "city" and (each.score_id not in newest or newest[each.score_id].version < each.version):
            newest[each.score_id] = each
    return [
        (each.score_id, each.version, each.city, each.period, each.indicator, each.numerator, each.denominator)
        for _, each in sorted(newest.items())
    ]


def _new_score(number: int, version: int) -> ScoreUpdated:
    return ScoreUpdated(
        score_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"score {number}")),
        version=version,
        city="tiny",
        period=f"2026-{number // 2 + 1:02d}",
        by="department" if number % 2 else "city",
        key="streets" if number % 2 else "tiny",
        indicator="closing",
        indicator_version="1",
        numerator=version,
        denominator=version + number,
        value=version / (version + number),
        computed_at=case_histories.START + timedelta(minutes=version),
    )
