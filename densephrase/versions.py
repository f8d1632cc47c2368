"""Versions of this library, of Python and of other packages: what bytes and times depend on besides the code."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

import densephrase


def library_versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of this library, of Python and of those packages that are installed, in their order."""
    versions = {"densephrase": densephrase.__version__, "python": platform.python_version()}
    for name in packages:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:  # missing, vendored or built in place: no metadata
            continue
    return versions
