from __future__ import annotations

from importlib.metadata import version

import densephrase
from densephrase.versions import library_versions


def test_installed_packages_have_versions_and_others_are_left_out() -> None:
    found = library_versions(["numpy", "no-such-package", "h5py"])
    assert list(found) == ["densephrase", "python", "numpy", "h5py"]
    assert found["densephrase"] == densephrase.__version__
    assert found["numpy"] == version("numpy")
