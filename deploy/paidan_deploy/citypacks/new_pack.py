"""Makes a city's pack from another one's: the same rules and places, with ids of its own."""

import csv
import io
import re
import shutil
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from paidan_contracts.city import Pack
from paidan_contracts.city.pack_types import CityId
from paidan_deploy.citypacks.check import check_folder
from paidan_deploy.errors import DeployError

_CITY_ID: Final = TypeAdapter[str](CityId)
_MAX_ID_LENGTH: Final = 63
_ONE: Final = r'\b(?:{keys})\s*=\s*"[^"\n]*"'
_MANY: Final = r'\b(?:{keys})\s*=\s*\[(?:\s*"[^"\n]*"\s*,?)*\s*\]'
_DEPARTMENT_KEYS: Final = ("lead", "department"), ("helpers", "owners", "departments")
_SOURCE_KEYS: Final = ("source", "default_source"), ("sources",)


def create_pack(name: str, origin: Path, target: Path) -> Pack:
    """Copy a pack's folder to ``target`` as the pack of the city ``name``, and return it.

    Departments and sources are renamed to ``<name>-<id>`` wherever they are named, because an installation has each id
    once. Raises ``DeployError`` for an invalid name or origin, or where ``target`` exists.
    """
    _require_city_id(name)
    original = check_folder(origin).valid_pack()
    if target.exists():
        raise DeployError(
            f"{target} exists already; remove it, or name another folder with --to"
            f" / {target} 已存在：请删除，或用 --to 指定其他文件夹"
        )
    departments = _renamed(name, [each.id for each in original.departments])
    sources = _renamed(name, [each.id for each in original.sources])
    shutil.copytree(origin, target)
    _edit(target / "city.toml", lambda text: re.sub(r'(?m)^(id\s*=\s*)"[^"]*"', rf'\1"{name}"', text, count=1))
    names = ("routing.toml", "escalation.toml", "emergencies.toml")
    tables = [*(target / each for each in names), *sorted((target / "imports").glob("*.toml"))]
    for file in filter(Path.exists, tables):
        _edit(file, lambda text: _rename_values(text, departments, sources))
    _rename_column(target / "departments.csv", "id", departments)
    _rename_column(target / "departments.csv", "parent", departments)
    _rename_column(target / "sources.csv", "id", sources)
    _rename_column(target / "posts.csv", "department", departments)
    for column in ("office", "unit"):
        _rename_column(target / "answerable.csv", column, departments)
    for words in ("categories.csv", "matters.csv"):
        _rename_column(target / words, "source", sources)
    return check_folder(target).valid_pack()


def _require_city_id(name: str) -> None:
    try:
        _CITY_ID.validate_python(name)
    except ValidationError as error:
        raise DeployError(
            f"{name!r} is no city id: 1 to 30 small letters and digits, for case ids begin with it"
            f" / {name!r} 不能作城市 id：须为 1 至 30 个小写字母和数字，因为案件编号以其开头"
        ) from error


def _renamed(name: str, ids: Collection[str]) -> Mapping[str, str]:
    renamed = {each: f"{name}-{each}" for each in ids}
    if too_long := [each for each in renamed.values() if len(each) > _MAX_ID_LENGTH]:
        raise DeployError(
            f"{too_long[0]} would be longer than {_MAX_ID_LENGTH} characters: choose a shorter city id"
            f" / {too_long[0]} 将超过 {_MAX_ID_LENGTH} 个字符：请换用较短的城市 id"
        )
    return renamed


def _edit(file: Path, change: Callable[[str], str]) -> None:
    file.write_text(change(file.read_text(encoding="utf-8-sig")), encoding="utf-8")


def _rename_values(text: str, departments: Mapping[str, str], sources: Mapping[str, str]) -> str:
    for (single_keys, list_keys), renamed in ((_DEPARTMENT_KEYS, departments), (_SOURCE_KEYS, sources)):
        text = re.sub(_ONE.format(keys="|".join(single_keys)), partial(_rename_quoted, renamed), text)
        text = re.sub(_MANY.format(keys="|".join(list_keys)), partial(_rename_quoted, renamed), text)
    return text


def _rename_quoted(renamed: Mapping[str, str], match: re.Match[str]) -> str:
    return re.sub(r'"([^"]*)"', lambda quoted: f'"{renamed.get(quoted[1], quoted[1])}"', match[0])


def _rename_column(file: Path, column: str, renamed: Mapping[str, str]) -> None:
    if not file.exists():
        return
    rows = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    if column not in rows[0]:
        return
    index = rows[0].index(column)
    for row in rows[1:]:
        if len(row) > index:
            row[index] = renamed.get(row[index].strip(), row[index])
    output = io.StringIO()
    csv.writer(output, lineterminator="\n").writerows(rows)
    file.write_text(output.getvalue(), encoding="utf-8")
