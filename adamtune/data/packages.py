"""Files that lie inside installed packages, found without importing the packages."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final

from adamtune.errors import DataError, Problem

DEBIAN_DATASETS: Final = Path("/usr/share/datasets")
"""Where Debian's `dataset-*` packages put their files."""


def package_file(package: str, inside: str, *, source: str, needs: str) -> Path:
    """A file or folder that a package brings along.

    Importing the package could cost seconds, or fail for want of what only its code needs.

    Args:
        package: Its top-level name, as one would import it.
        inside: Path in the package's folder, with slashes.
        source: The data source that asks, for messages.
        needs: The command that installs the package, for messages.

    Raises:
        DataError: The package is not installed, or what is installed has no such file.
    """
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise _lacks(f"the package {package}, which is not installed", source, needs)
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    found = next((folder / inside for folder in folders if (folder / inside).exists()), None)
    if found is None:
        # A folder or a script of the user's, of the same name, can stand before the package too.
        place = folders[0] if folders else spec.origin
        raise _lacks(f"{inside} of the package {package}, which {place} does not have", source, needs)
    return found


def debian_file(inside: str, *, source: str, needs: str) -> Path:
    """A file of one of Debian's `dataset-*` packages.

    Args:
        inside: Path below the folder of all data sets.
        source: The data source that asks, for messages.
        needs: The command that installs the package, for messages.

    Raises:
        DataError: It is not there.
    """
    path = DEBIAN_DATASETS / inside
    if not path.is_file():
        raise _lacks(f"{path}, which is not there", source, needs)
    return path


def _lacks(what: str, source: str, needs: str) -> DataError:
    return DataError(Problem(f"{source} needs {what}", hint=f"run: {needs}"))
