"""One slip in a pack is one mistake, named where it was made; what may be meant is a warning."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from paidan_deploy.citypacks.check import check_folder
from tests.contracts.city_packs import LOSANGELES, QUANCHENG, TINY, copy_pack, edit_file
from tests.contracts.invalid_packs import add_line, replace_text


@pytest.mark.parametrize(
    ("name", "column", "misspelt"),
    [
        ("departments.csv", "id", "idd"),
        ("departments.csv", "names.zh", "name_zh"),
        ("departments.csv", "kind", "Kind"),
        ("classes.csv", "code", "codes"),
        ("rows.csv", "closing.en", "closing_en"),
        ("sources.csv", "trusted", "trust"),
        ("calendar.csv", "working", "worked"),
        ("geography/places.csv", "level", "levels"),
    ],
)
def test_misspelt_column_is_one_mistake(name: str, column: str, misspelt: str, tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    header, rest = (folder / name).read_text(encoding="utf-8").split("\n", 1)
    columns = [misspelt if each == column else each for each in header.split(",")]
    (folder / name).write_text(",".join(columns) + "\n" + rest, encoding="utf-8")

    [mistake] = check_folder(folder).mistakes

    assert str(mistake) == f"{name}:1: unknown column {misspelt!r}; did you mean {column!r}?"


def test_column_that_every_row_lacks_is_one_mistake(tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    lines = (folder / "departments.csv").read_text(encoding="utf-8").splitlines()
    index = lines[0].split(",").index("names.en")
    without = [",".join(cell for number, cell in enumerate(line.split(",")) if number != index) for line in lines]
    (folder / "departments.csv").write_text("\n".join(without) + "\n", encoding="utf-8")

    mistakes = [str(each) for each in check_folder(folder).mistakes]

    assert mistakes == ["departments.csv:1: there is no column 'names.en'"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("category.csv", "category.csv: unknown file; did you mean categories.csv?"),
        (
            "geography/district.geojson",
            "geography/district.geojson: unknown file; did you mean geography/districts.geojson?",
        ),
        ("import/myla.toml", "import/myla.toml: unknown file; nothing reads it"),
        ("Terms.TOML", "Terms.TOML: unknown file; nothing reads it"),
        ("imports/old/x.toml", "imports/old/x.toml: unknown file; nothing reads it"),
    ],
)  # fmt: skip
def test_file_that_nothing_reads_is_named(name: str, problem: str, tmp_path: Path) -> None:
    """An optional file under a misspelt name would be left out in silence."""
    folder = copy_pack(TINY, tmp_path)
    (folder / name).parent.mkdir(exist_ok=True, parents=True)
    (folder / name).write_text("x = 1\n", encoding="utf-8")

    assert [str(each) for each in check_folder(folder).mistakes] == [problem]


@pytest.mark.parametrize(
    "name",
    [
        *("city.toml", "terms.toml", "routing.toml", "indicators.toml"),
        *("departments.csv", "sources.csv", "classes.csv", "rows.csv", "calendar.csv", "geography/places.csv"),
    ],
)
def test_missing_file_is_one_mistake(name: str, tmp_path: Path) -> None:
    """Whatever refers to its entries is not wrong."""
    folder = copy_pack(TINY, tmp_path)
    (folder / name).unlink()

    assert [str(each) for each in check_folder(folder).mistakes] == [f"{name}: the file is missing"]


@pytest.mark.parametrize(
    ("files", "hint"),
    [
        ([], ""),
        (["notes.txt", "photos/a.json"], ""),
        (["one/city.toml", "two/city.toml"], "; there are packs in folders of it: one, two"),
    ],
)
def test_folder_that_is_no_pack_is_one_mistake(files: list[str], hint: str, tmp_path: Path) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    [mistake] = check_folder(tmp_path).mistakes

    assert str(mistake) == f"{tmp_path.name}: the folder is no city pack: none of its files is there{hint}"
    assert "该文件夹不是城市配置包" in mistake.problem_zh


def test_mistakes_elsewhere_show_beside_a_missing_file(tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    (folder / "terms.toml").rename(folder / "term.toml")
    edit_file(folder, "sources.csv", "kind,trusted", "kind,trust")

    assert [str(each) for each in check_folder(folder).mistakes] == [
        "sources.csv:1: unknown column 'trust'; did you mean 'trusted'?",
        "term.toml: unknown file; did you mean terms.toml?",
        "terms.toml: the file is missing",
    ]


@pytest.mark.parametrize("name", ["README.md", "notes.txt", ".git/config.toml", "LICENSE"])
def test_files_of_other_formats_are_the_packs_own_business(name: str, tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("x", encoding="utf-8")

    assert check_folder(folder).mistakes == ()


@pytest.mark.parametrize("pack", [QUANCHENG, LOSANGELES, TINY], ids=lambda each: str(each.name))
def test_heights_in_shapes_are_passed_over(pack: Path, tmp_path: Path) -> None:
    folder = copy_pack(pack, tmp_path)
    plain = check_folder(folder).valid_pack()
    for file in (folder / "geography").glob("*.geojson"):
        collection = json.loads(file.read_text(encoding="utf-8"))
        for feature in collection["features"]:
            feature["geometry"]["coordinates"] = _with_heights(feature["geometry"]["coordinates"])
        file.write_text(json.dumps(collection), encoding="utf-8")

    assert check_folder(folder).valid_pack() == plain


def _with_heights(coordinates: list[object]) -> list[object]:
    if coordinates and isinstance(coordinates[0], int | float):
        return [*coordinates, 27.5]
    return [_with_heights(each) if isinstance(each, list) else each for each in coordinates]


@pytest.mark.parametrize("point", [[], [117.0], None, {"x": 117}, [[117.0, 36.0]]])
def test_point_that_is_none_is_a_mistake_of_its_shape(point: object, tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    file = folder / "geography" / "districts.geojson"
    collection = json.loads(file.read_text(encoding="utf-8"))
    collection["features"][0]["geometry"]["coordinates"][0][1] = point
    file.write_text(json.dumps(collection), encoding="utf-8")

    mistakes = check_folder(folder).mistakes

    assert mistakes
    assert {each.file for each in mistakes} == {"geography/districts.geojson"}


@pytest.mark.parametrize(
    ("mutate", "expected"),
    [
        (
            replace_text("terms.toml", 'accept = "', 'accept = "4000 working_day"\n# "'),
            "terms.toml: clocks: accept: 4000 working_day is longer than the calendar",
        ),
        (
            replace_text("terms.toml", 'callback = "', 'callback = "9999 working_hour"\n# "'),
            "terms.toml: clocks: callback: 9999 working_hour is longer than the calendar",
        ),
    ],
)
def test_limit_that_would_never_end_is_a_mistake(mutate: Callable[[Path], None], expected: str, tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    mutate(folder)

    [mistake] = check_folder(folder).mistakes

    assert str(mistake).startswith(expected)


def test_class_that_no_rule_covers_is_a_warning() -> None:
    """It may be meant: its cases wait for an operator."""
    checked = check_folder(TINY)

    assert checked.mistakes == ()
    assert [str(each) for each in checked.warnings] == [
        "classes.csv:3: E0401: code: no routing rule covers it: each of its cases waits at the hard-to-place desk"
    ]
    assert check_folder(QUANCHENG).warnings == ()


def test_evidence_that_nothing_checks_is_a_warning(tmp_path: Path) -> None:
    """It still loads: a pack of before may ask for it."""
    folder = copy_pack(TINY, tmp_path)
    text = (folder / "rows.csv").read_text(encoding="utf-8")
    (folder / "rows.csv").write_text(text.replace(",photo_after", ",photo_before photo_after document", 1), "utf-8")

    checked = check_folder(folder)

    assert checked.mistakes == ()
    assert [str(each) for each in checked.warnings if each.file == "rows.csv"] == [
        "rows.csv:2: E0110-1: evidence: nothing checks photo_before, document:"
        " a finish is refused without photo_after alone"
    ]


def test_calendar_without_a_day_off_is_a_warning(tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    text = (folder / "calendar.csv").read_text(encoding="utf-8")
    (folder / "calendar.csv").write_text(text.replace(",no,", ",yes,").replace(",no\n", ",yes\n"), encoding="utf-8")

    problems = [str(each) for each in check_folder(folder).warnings if each.file == "calendar.csv"]

    assert problems == ["calendar.csv: every day is a working day, weekends and holidays included"]


def test_a_number_that_is_no_number_of_a_calendar_is_kept_apart(tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    edit_file(folder, "calendar.csv", "date,working,note", "date,working,notes")
    add_line("calendar.csv", "2027-01-01,perhaps,")(folder)

    assert len(check_folder(folder).mistakes) >= 2
