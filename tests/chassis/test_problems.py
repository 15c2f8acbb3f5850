"""What an error is answered as."""

import pytest

from paidan_chassis.edge.problems import problem_for
from paidan_chassis.errors import Halt


@pytest.mark.parametrize(
    ("detail", "en", "zh"),
    [
        ("no version 7 | 没有版本 7", "no version 7", "没有版本 7"),
        ("of an earlier release", "of an earlier release", "of an earlier release"),
    ],
)
def test_halt_is_answered_in_each_language_by_its_own_half(detail: str, en: str, zh: str) -> None:
    problem = problem_for(Halt("city_pack_missing", detail))

    assert (problem.status, problem.code, problem.retry_after_s) == (503, "city_pack_missing", 30)
    assert problem.message == f"an operator has to fix this first: city_pack_missing: {en}"
    assert problem.message_zh == f"须先由运维人员处理：city_pack_missing：{zh}"
