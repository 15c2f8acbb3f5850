"""Invented residents and the texts they write. Names, numbers and places are made up."""

from dataclasses import dataclass
from random import Random
from typing import Final

_FAMILY_NAMES: Final = "王李张刘陈杨赵黄周吴徐孙马朱胡郭何高林罗"
_GIVEN_NAMES: Final = ("伟", "芳", "秀英", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明")
_REPORT_TEMPLATES: Final = (
    "这里{what}好几天了,麻烦派人看一下",
    "{what},影响通行,请尽快处理",
    "反映{what}问题,希望有关部门管一管",
    "路过发现{what}",
    "小区门口{what},老人孩子走路不方便",
)
_QUESTION_TEMPLATES: Final = ("请问这个{what}归哪个部门管", "咨询一下{what}怎么反映", "想了解{what}的处理进度")
_THANKS_TEMPLATE: Final = "感谢上次{what}处理得很快"


@dataclass(frozen=True, slots=True)
class Resident:
    """A reporter as a hotline records one."""

    name: str
    phone: str


def random_resident(rng: Random) -> Resident:
    """Invent a resident with a telephone number from a range that is not assigned."""
    name = rng.choice(_FAMILY_NAMES) + rng.choice(_GIVEN_NAMES)
    return Resident(name, f"1000{rng.randrange(10**7):07d}")


def report_text(rng: Random, problem: str, matter: str, resident: Resident) -> str:
    """Write a report's text, sometimes with a telephone number in it, which the services must mask."""
    if matter == "praise":
        return _THANKS_TEMPLATE.format(what=problem)
    text = rng.choice(_QUESTION_TEMPLATES if matter == "consultation" else _REPORT_TEMPLATES).format(what=problem)
    return f"{text},联系电话138{resident.phone[-8:]}" if rng.random() < 0.15 else text
