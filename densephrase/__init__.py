"""densephrase: answers with exact phrases from your own documents, found by dense-sparse phrase search."""

from importlib import import_module as _import_module
from os import environ as _environ
from pathlib import Path as _Path
from typing import Any as _Any

_checkout = _Path(__file__).parent.parent
if (_checkout / "setup.cfg").exists():  # in a checkout the sub-packages lie beside this folder
    __path__.append(str(_checkout))

# MKL, in torch, keeps memory for each of its threads, and in a process that was forked it may look for its own for ever
# (4 of 30 did, after a thread had computed). It reads this when torch is imported, for which there is no later place.
_environ.setdefault("MKL_DISABLE_FAST_MM", "1")

__version__ = "0.1.0"
__all__ = ["Answer", "Document", "Passage", "PassageIndex", "PhraseEncoder", "PhraseIndex", "SearchOptions"]

# Loaded on first use, because torch and numba would make `densephrase --help` slow.
_HOME = {
    "Answer": "densephrase.data",
    "Document": "densephrase.data",
    "Passage": "densephrase.data",
    "PassageIndex": "densephrase.passage_index",
    "PhraseEncoder": "densephrase.encoder.phrase.phrase_encoder",
    "PhraseIndex": "densephrase.phrase_index",
    "SearchOptions": "densephrase.search.plan.options",
}


def __getattr__(name: str) -> _Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module 'densephrase' has no attribute {name!r}")
    return getattr(_import_module(_HOME[name]), name)
