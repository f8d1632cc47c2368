"""The garbage collector is as it was once a kernel is compiled."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from densephrase.kernels.compile import kernel


@pytest.fixture
def collector() -> Iterator[None]:
    was_enabled = gc.isenabled()
    yield
    (gc.enable if was_enabled else gc.disable)()


@pytest.mark.parametrize("is_enabled", [True, False], ids=["enabled", "disabled"])
def test_the_collector_stays_as_it_was(is_enabled: bool, collector: None) -> None:
    (gc.enable if is_enabled else gc.disable)()

    @kernel
    def doubled(number: int) -> int:
        return 2 * number

    assert doubled(21) == 42
    assert gc.isenabled() is is_enabled


def test_the_collector_goes_on_after_a_kernel_that_cannot_be_compiled(collector: None) -> None:
    gc.enable()

    @kernel
    def impossible(number: int) -> int:
        return number.there_is_no_such_thing  # type: ignore[attr-defined, no-any-return]

    with pytest.raises(Exception, match="there_is_no_such_thing"):
        impossible(1)
    assert gc.isenabled()
