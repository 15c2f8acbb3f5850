"""What documents link or name in backticks exists: files, folders, headings, modules and what is defined in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.boundaries.test_member_dependencies import MEMBERS, ROOT, manifest

DOCUMENTS: Final = (
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "README.md",
    "README.zh-CN.md",
    *sorted(str(path.relative_to(ROOT)) for member in MEMBERS for path in (ROOT / member).rglob("*.md")),
)
CODE_BLOCK: Final = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
LINK: Final = re.compile(r"\[([^]]*)\]\(([^)\s]+)\)")
CODE_SPAN: Final = re.compile(r"`([^`]+)`")
HEADING: Final = re.compile(r"^#+ +(.+)$", re.MULTILINE)
PACKAGES: Final = "|".join(manifest(member)[0] for member in MEMBERS)
DOTTED_NAME: Final = re.compile(rf"(?<![\w/.])(?:{PACKAGES})(?:\.\w+)+")
PATH: Final = re.compile(r"\w[\w./-]*")
"""Neither a route, which begins with a slash, nor a folder made at run time, which begins with a dot."""
FILE_NAME: Final = re.compile(r"(?!__)[\w-]+\.(?:py|md|sh)")
"""Of a bare file name; every service has a ``__main__.py``."""
FILE_IN_FOLDER: Final = re.compile(r"\w[\w./-]*/[\w.-]+\.[a-z]{2,5}")


@dataclass(frozen=True, slots=True)
class Document:
    """A Markdown file inside a checkout."""

    root: Path
    name: str

    @property
    def folder(self) -> Path:
        return (self.root / self.name).parent

    @property
    def text(self) -> str:
        """Everything outside blocks of code."""
        return CODE_BLOCK.sub("", (self.root / self.name).read_text(encoding="utf-8"))


def broken_references(document: Document) -> Iterator[str]:
    """Yield every link, path and dotted name of a document that leads nowhere."""
    text = document.text
    for label, target in LINK.findall(text):
        if "://" not in target and not _link_leads_somewhere(document, label, target):
            yield f"[{label}]({target})"
    for span in CODE_SPAN.findall(LINK.sub("", text)):
        if _is_path(span) and not _path_exists(document, span):
            yield span
        yield from (name for name in DOTTED_NAME.findall(span) if not _is_defined(document.root, name))


def _link_leads_somewhere(document: Document, label: str, target: str) -> bool:
    """Return whether file and heading exist, and a label that is a file's name is that file's."""
    name, _, heading = target.partition("#")
    path = document.folder / name if name else document.root / document.name
    if not path.exists() or (FILE_NAME.fullmatch(label.strip("`")) and label.strip("`") != path.name):
        return False
    return not heading or heading in _anchors(path.read_text(encoding="utf-8"))


def _anchors(text: str) -> set[str]:
    """Return the anchors that GitHub derives from headings."""
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in HEADING.findall(text)}


def _is_path(span: str) -> bool:
    if not PATH.fullmatch(span):
        return False
    return span.endswith("/") or any(kind.fullmatch(span) for kind in (FILE_NAME, FILE_IN_FOLDER))


def _path_exists(document: Document, path: str) -> bool:
    """Return whether a path exists from the root or a member's folder, or ends a path below the document's folder."""
    if any((document.root / each / path).exists() for each in (".", *MEMBERS)):
        return True
    ending = "/" + path.rstrip("/")
    return any(each.endswith(ending) for each in _paths_below(document.root, document.folder))


@cache
def _paths_below(root: Path, folder: Path) -> list[str]:
    folders = [root / each for each in (*MEMBERS, "tests")] if folder == root else [folder]
    return ["/" + str(path.relative_to(root)) for each in folders for path in (each, *each.rglob("*"))]


def _is_defined(root: Path, dotted: str) -> bool:
    """Return whether a dotted name is a module of a member, or is defined in one."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        for member in MEMBERS:
            module = (root / member).joinpath(*parts[:length])
            file = module.with_suffix(".py")
            if not module.is_dir() and not file.exists():
                continue
            if length == len(parts):
                return True
            text = file.read_text(encoding="utf-8") if file.exists() else ""
            return all(re.search(rf"\b{name}\b", text) for name in parts[length:])
    return False


@pytest.mark.parametrize("name", DOCUMENTS)
def test_everything_that_a_document_names_exists(name: str) -> None:
    broken = list(broken_references(Document(ROOT, name)))

    assert not broken, "\n".join(broken)


def test_broken_references_are_detected(tmp_path: Path) -> None:
    """The guard detects planted breaches, and accepts what exists."""
    package = tmp_path / "services" / "intake" / "paidan_intake"
    (package / "api").mkdir(parents=True)
    (package / "api" / "models.py").write_text("class Ticket:\n    pass\n")
    text = """# Where things are

    [models.py](services/intake/paidan_intake/api/models.py), [here](#where-things-are), [web](https://example.org/x)
    `services/intake/paidan_intake/api/models.py`, `api/models.py`, `api/`, `paidan_intake.api.models.Ticket`
    `/v1/tickets/`, `.paidan/log/`, `python -m paidan_intake.api.models`, `paidan.inbox`
    [asked.py](services/intake/paidan_intake/api/models.py), [gone](services/gone.py), [there](#nowhere)
    `services/intake/gone.py`, `models/`, `asked.py`, `paidan_intake.gone`, `paidan_intake.api.models.Alarm`
    """
    (tmp_path / "README.md").write_text(text)

    assert list(broken_references(Document(tmp_path, "README.md"))) == [
        "[asked.py](services/intake/paidan_intake/api/models.py)",
        "[gone](services/gone.py)",
        "[there](#nowhere)",
        "services/intake/gone.py",
        "models/",
        "asked.py",
        "paidan_intake.gone",
        "paidan_intake.api.models.Alarm",
    ]
