"""Files that cannot be written, not even by root, as on a full disk."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.polling import poll_blocking


@contextmanager
def blocked_file(file: Path) -> Iterator[None]:
    """Put a folder in the file's place, which no file can replace. The file is removed for good."""
    poll_blocking(lambda: _replace_with_folder(file), what="the file is not being written")
    try:
        yield
    finally:
        if file.is_dir():
            file.rmdir()


def _replace_with_folder(file: Path) -> bool:
    file.unlink(missing_ok=True)
    with suppress(FileExistsError):
        file.mkdir()
    return file.is_dir()
