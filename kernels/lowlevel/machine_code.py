"""Numba's cache of one kernel: each signature has a file of its own, whose name says all that its code depends on.

Numba's own keeps an index beside numbered files, and the two may differ: after an interrupted or a concurrent write,
old code would be found under new sources, or the code of one signature under another.
"""

import hashlib
import inspect
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps, loads

from densephrase.kernels.cache_folder import CacheFolders

_logger = logging.getLogger(__name__)


class MachineCode(_Cache):
    """Keeps what a kernel is compiled to, and says so (to the log, at level INFO) before it is compiled."""

    def __init__(self, function: Callable[..., Any], folders: CacheFolders) -> None:
        self._function, self._folders = function, folders
        self._name = f"{Path(inspect.getfile(function)).stem}.{function.__qualname__}"

    @property
    def cache_path(self) -> str | None:
        """The folder that is written to."""
        return None if self._folders.writable is None else str(self._folders.writable)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return what was kept for a signature, None where there is nothing."""
        target_context.refresh()
        key = self._key(sig, target_context.codegen())
        for folder in self._folders.readable:
            # Whatever a full disk or a crash has left of a file: the kernel is compiled again.
            with suppress(Exception):
                kept, data = loads((folder / self._file(key)).read_bytes())
                if kept == key:
                    return CompileResult._rebuild(target_context, *data)
        _logger.info("compiling the kernel %s", self._name)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled signature, where that is possible; a kernel never fails because it is not kept."""
        folder = self._folders.writable
        if folder is None or data.library.has_dynamic_globals:  # the latter are addresses of this process
            return
        key = self._key(sig, data.codegen)
        path = folder / self._file(key)
        temporary = path.with_name(f"{path.name}.{uuid4().hex}.tmp")
        try:
            temporary.write_bytes(dumps((key, data._reduce())))
            os.replace(temporary, path)
        except OSError:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def enable(self) -> None:
        """Do nothing: what is to be kept is decided once for all kernels."""

    def disable(self) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing: what is kept never gets old."""

    def _key(self, sig: Any, codegen: Any) -> Any:
        """Return what the code depends on beside the sources of all kernels."""
        function = self._function
        enclosed = tuple(cell.cell_contents for cell in function.__closure__ or ())
        source = _digest(Path(inspect.getfile(function)))
        return sig, codegen.magic_tuple(), source, function.__code__.co_code, dumps(enclosed)

    def _file(self, key: Any) -> str:
        line = self._function.__code__.co_firstlineno
        name = "".join(letter for letter in self._name if letter not in "<>")
        return f"{name}-{line}-{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}.nbc"


@cache
def _digest(path: Path) -> str:
    """Return the sha256 (hex) of a source file; what has none, as a function typed in, is known by its code."""
    with suppress(OSError):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return ""
