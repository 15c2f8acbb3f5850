"""Unpacks the web pages' libraries and prints their folder: `python -m ...setup.unpack_web_libraries CACHE_FOLDER`."""

import sys
from pathlib import Path

from paidan_deploy.jars.web_libraries import ensure_web_libraries

if __name__ == "__main__":
    cache_folder = Path(sys.argv[1])
    cache_folder.mkdir(parents=True, exist_ok=True)
    sys.stdout.write(f"{ensure_web_libraries(cache_folder)}\n")
