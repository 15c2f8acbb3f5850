"""The web pages' libraries come out of locked jars: whole, readable by the services' user, with their licences."""

import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from paidan_deploy.jars.cache import ensure_jars
from paidan_deploy.jars.lock import read_lock
from paidan_deploy.jars.web_libraries import FILES, ensure_web_libraries
from tests.servers import CACHE


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Return a cache with the jars, in which nothing is unpacked."""
    (tmp_path / "jars").mkdir()
    for jar in ensure_jars("web", CACHE):
        shutil.copy(jar, tmp_path / "jars")
    return tmp_path


@pytest.fixture
def strict_umask() -> Iterator[None]:
    """Create files closed to others meanwhile."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_each_library_of_the_lock_is_unpacked(cache: Path) -> None:
    folder = ensure_web_libraries(cache)

    assert {each.name for each in folder.iterdir()} == {locked.artifact for locked in read_lock("web")}
    assert "htmx" in (folder / "htmx.org" / "htmx.min.js").read_text()
    # The style sheet addresses its pictures relative to itself.
    pictures = re.findall(r"url\((images/[^)]+)\)", (folder / "leaflet" / "leaflet.css").read_text())
    assert pictures
    assert all((folder / "leaflet" / picture).stat().st_size > 0 for picture in pictures)


def test_each_library_names_its_authors(cache: Path) -> None:
    """Their licences ask for the notice wherever copies go, and our image is a copy."""
    folder = ensure_web_libraries(cache)

    for library in FILES:
        notices = [file.read_text() for file in (folder / library).glob("LICENSE")] or [
            file.read_text() for file in (folder / library).glob("*-src.js")
        ]
        assert re.search(r"copyright|\(c\)|zero-clause", notices[0], re.IGNORECASE), library


def test_several_processes_may_unpack_at_once(cache: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(lambda _: ensure_web_libraries(cache), range(8)))

    assert len(folders) == 1
    assert {each.name for each in cache.iterdir()} == {"jars", *(folder.name for folder in folders)}


@pytest.mark.usefixtures("strict_umask")
def test_services_under_another_user_can_read_them(cache: Path) -> None:
    folder = ensure_web_libraries(cache)

    modes = {path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}
    assert modes == {0o755, 0o644}
