"""Each code under which a service halts a loop has a Chinese name, which `paidan status` shows beside it."""

import re
from pathlib import Path
from typing import Final

from paidan_deploy.stack.code_names import CODE_NAMES, named

_SERVICES: Final = Path(__file__).parents[2] / "services"


def test_every_reason_of_a_halt_has_a_chinese_name() -> None:
    sources = [file.read_text() for file in _SERVICES.rglob("paidan_*/**/*.py")]
    codes = {code for source in sources for code in re.findall(r'\bHalt\(\s*"([a-z_]+)"', source)}

    assert len(codes) > 5
    assert codes - CODE_NAMES.keys() == set()


def test_code_without_a_name_is_shown_alone() -> None:
    assert (named("too_large"), named("new_code")) == ("too_large 过大", "new_code")
