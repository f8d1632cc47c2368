"""The modules that a sentence-transformers folder lists, one after another or in the two routes of a Router."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from densephrase.encoder.published.published_encoder import LAYOUTS
from densephrase.encoder.published.published_json import read_json
from densephrase.errors import EncoderError

MODULES_FILE, ROUTER_FILE = "modules.json", "router_config.json"
_ROUTES = {"query": "question", "document": "passage", "doc": "passage", "passage": "passage"}
_KINDS = ("Transformer", "Pooling", "Normalize", "Router")
_OLD_KINDS = {"Asym": "Router"}


@dataclass(frozen=True, slots=True)
class Module:
    """A module: its kind, as sentence-transformers calls it, and the folder of its files."""

    kind: str
    folder: Path


def read_modules(folder: Path) -> list[Module]:
    """Return the modules of a folder in the order in which they run, at least one."""
    listed = read_json(folder, MODULES_FILE, list)
    modules = [_module(folder, item.get("type"), item.get("path")) for item in listed if isinstance(item, dict)]
    if not modules or len(modules) != len(listed):
        raise EncoderError(f"{folder / MODULES_FILE} is no list of modules; each has a type and a path.")
    return modules


def read_routes(folder: Path) -> dict[str, list[Module]]:
    """Return the modules for a "question" and for a "passage" of the Router in `folder`.

    Raises EncoderError when it has other routes than one for each, or chooses them by more than the kind of text.
    """
    name = ROUTER_FILE if (folder / ROUTER_FILE).exists() else "config.json"  # as it was before version 5
    content = read_json(folder, name, dict)
    types, structure, settings = (content.get(part) or {} for part in ("types", "structure", "parameters"))
    if not all(isinstance(part, dict) for part in (types, structure, settings)):
        raise EncoderError(f"{folder / name} is no configuration of a Router; types and structure are expected.")
    if settings.get("route_mappings"):
        raise refused(folder, f"a Router with mappings {settings['route_mappings']!r:.200}")
    routes = {}
    for route, parts in structure.items():
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise EncoderError(f"{folder / name} has a route {route!r:.80} that is no list of modules.")
        routes[_ROUTES.get(route, route)] = [_module(folder, types.get(part), part) for part in parts]
    if len(structure) != 2 or set(routes) != {"question", "passage"} or not all(routes.values()):
        raise refused(folder, f"a Router with routes {sorted(structure)!r:.200}; 'query' and 'document' are known")
    return routes


def refused(folder: Path, found: str) -> EncoderError:
    """Return the error for a folder whose vectors are made in a way that this library does not know."""
    return EncoderError(f"The sentence-transformers folder {folder} has {found}, which cannot be read. {LAYOUTS}.")


def _module(folder: Path, kind: Any, path: Any) -> Module:
    """Return a module; its class is called by another path in each version of sentence-transformers."""
    library, _, name = kind.rpartition(".") if isinstance(kind, str) else ("", "", "")
    name = _OLD_KINDS.get(name, name)
    if library.split(".")[0] != "sentence_transformers" or name not in _KINDS:
        raise refused(folder, f"a module of type {kind!r:.200}")
    if not isinstance(path, str) or PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise EncoderError(f"{folder} has a module at {path!r:.200}, which is no folder inside it.")
    return Module(name, folder / path)
