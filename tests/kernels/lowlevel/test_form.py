"""The plain forms run where they are asked for, and where numba is not what the others were written for."""

from __future__ import annotations

import llvmlite
import numba
import pytest

from densephrase.kernels.lowlevel import form, private_parts
from densephrase.kernels.lowlevel.form import why_plain


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(form.PLAIN_SETTING, raising=False)
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 0)


def test_the_tested_versions_have_all_that_is_needed() -> None:
    assert private_parts.first_change() is None
    assert why_plain() is None


@pytest.mark.parametrize(("value", "is_plain"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_a_setting_asks_for_plain_forms(value: str, is_plain: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(form.PLAIN_SETTING, value)
    assert why_plain() == (f"{form.PLAIN_SETTING} is set" if is_plain else None)


def test_nothing_is_compiled_in_another_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    assert why_plain() == "NUMBA_DISABLE_JIT is set"


@pytest.mark.parametrize("module", [numba, llvmlite])
@pytest.mark.parametrize("version", ["0.6.80", "0.69.0", "0.69.0dev0+12.g1", "1.0"])
def test_other_versions_are_not_trusted(module: object, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "__version__", version)
    assert f"is {version}, and" in (why_plain() or "")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("numba.core.gone:anything", None),
        ("numba.core.caching:_Gone", None),
        ("numba.core.codegen:JITCodeLibrary._gone", "(self)"),
        ("numba.core.codegen:JITCodeLibrary._optimize_final_module", "(self, passes)"),
    ],
)
def test_what_is_gone_or_takes_other_arguments_is_not_called(
    name: str, arguments: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(private_parts.NEEDED, name, arguments)
    assert private_parts.first_change() == name
    assert name in (why_plain() or "")


def test_a_cache_of_other_methods_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_parts, "OF_A_CACHE", {"load_overload"})
    assert private_parts.first_change() == "numba.core.caching:_Cache"
