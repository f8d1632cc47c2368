"""Imports point upward only, and a few things stand in one place only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = {"kernels": 0, "densephrase": 1, "build_index": 2, "serve": 2, "benchmarks": 3, "tests": 3}
MAPPED = ("kernels", "build_index", "serve")
# Each room may import what stands above it. A file belongs to the longest name that it begins with.
ROOMS = (
    "densephrase.errors",
    "densephrase.data",
    "densephrase.metrics",
    "densephrase.option_checks",
    "densephrase.versions",
    "densephrase.faiss_device",
    "densephrase.storage",
    "densephrase.quantise",
    "densephrase.terms",
    "densephrase.corpus.files",
    "densephrase.corpus.cutting",
    "densephrase.corpus.formats",
    "densephrase.corpus.questions",
    "densephrase.corpus.retrieval",
    "densephrase.corpus",
    "densephrase.confidence",
    "densephrase.encoder",
    "densephrase.encoder.tokens",
    "densephrase.encoder.files",
    "densephrase.encoder.phrase",
    "densephrase.encoder.question",
    "densephrase.encoder.published",
    "densephrase.encoder.passage",
    "densephrase.index.format",
    "densephrase.index.compact",
    "densephrase.index.shards",
    "densephrase.index.lists",
    "densephrase.index.passages",
    "densephrase.index",
    "densephrase.search.plan",
    "densephrase.search.prepare",
    "densephrase.search.find",
    "densephrase.search.answers",
    "densephrase.search",
    "densephrase.retrieve",
    "densephrase.reader",
    "densephrase.evaluation",
    "densephrase.evaluation.retrieval",
    "densephrase.training.loop",
    "densephrase.training.data",
    "densephrase.training.contrastive",
    "densephrase.training.finish",
    "densephrase.training.phrase",
    "densephrase.training.reader",
    "densephrase.training.query_side",
    "densephrase.training.retriever",
    "densephrase.build_index.run",
    "densephrase.build_index.lists",
    "densephrase.build_index.compact",
    "densephrase.build_index.shards",
    "densephrase.build_index.passages",
    "densephrase.build_index",
    "densephrase.build_keywords",
    "densephrase.phrase_index",
    "densephrase.passage_index",
    "densephrase.cli",
    "densephrase.cli.commands",
    "densephrase.cli.retrieve",
)
FULL = 9  # modules of a room, `__init__.py` apart
# Rooms whose files are instances of one protocol, and kernels, which wait for a form of an index with plain columns.
MAY_BE_FULLER = {"densephrase/cli/commands", "densephrase/corpus/formats", "kernels"}

KERNEL_IMPORTS = {"__future__", "collections", "math", "numba", "numpy", "typing"}
# Beside the decorators and what they compile with, there is the room for LLVM and for what numba does not document.
KERNEL_IMPORTS_OF = {
    "kernels/cache_folder.py": KERNEL_IMPORTS
    | {"contextlib", "logging", "os", "pathlib", "shutil", "stat", "tempfile"},
    "kernels/compile.py": KERNEL_IMPORTS | {"hashlib", "pathlib", "sys"},
    "kernels/lowlevel/compiler.py": KERNEL_IMPORTS | {"functools", "gc", "hashlib"},
    "kernels/lowlevel/form.py": KERNEL_IMPORTS | {"importlib", "llvmlite", "logging", "os"},
    "kernels/lowlevel/llvm/entry_sums.py": KERNEL_IMPORTS | {"llvmlite"},
    "kernels/lowlevel/llvm/rows.py": KERNEL_IMPORTS | {"llvmlite"},
    "kernels/lowlevel/machine_code.py": KERNEL_IMPORTS
    | {"contextlib", "functools", "hashlib", "inspect", "logging", "os", "pathlib", "uuid"},
    "kernels/lowlevel/parts.py": KERNEL_IMPORTS | {"contextlib", "types"},
    "kernels/lowlevel/plain_compiler.py": KERNEL_IMPORTS | {"inspect", "pathlib", "threading"},
    "kernels/lowlevel/pointers.py": KERNEL_IMPORTS | {"ctypes"},
    "kernels/lowlevel/private_parts.py": KERNEL_IMPORTS | {"inspect", "pkgutil"},
}
LOWLEVEL = "kernels/lowlevel/"
ONLY_LOWLEVEL = ("llvmlite", "numba.core", "numba.extending")
PICKLERS = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
WRITERS = {f"sys.{stream}.{name}" for stream in ("stdout", "stderr") for name in ("write", "writelines")}
WRITERS |= {"print", "logging.StreamHandler", "argparse.ArgumentParser"}
COMPILERS = {"njit", "jit", "vectorize", "guvectorize", "stencil"}


def folder_of(module: str) -> str | None:
    """Return the folder that holds an imported module, or None for other people's modules."""
    parts = module.split(".")
    if parts[0] in ("benchmarks", "tests"):
        return parts[0]
    if parts[0] != "densephrase":
        return None
    return parts[1] if len(parts) > 1 and parts[1] in LAYERS else "densephrase"


def module_of(path: str) -> str:
    """Return the import name of a file, given its path in the checkout."""
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    return ".".join(["densephrase", *parts] if parts[0] in MAPPED else parts)


def imported_modules(node: ast.AST, path: str) -> list[str]:
    """Return every module that an import statement may load; `from a import b` may load `a.b`."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        package = module_of(path).split(".")
        package = package if path.endswith("/__init__.py") else package[:-1]
        base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [base])])
    return [base, *(f"{base}.{alias.name}" for alias in node.names)]


def walk(tree: ast.Module) -> Iterator[tuple[ast.AST, bool]]:
    """Yield every node and whether it lies inside a function."""
    stack: list[tuple[ast.AST, bool]] = [(tree, False)]
    while stack:
        node, inside = stack.pop()
        yield node, inside
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        stack.extend((child, inside) for child in ast.iter_child_nodes(node))


def may_import(path: str, target: str, inside_function: bool) -> bool:
    """Say whether the file at `path` may import from the folder `target`."""
    source = path.split("/")[0]
    if source == target or LAYERS[target] < LAYERS[source]:
        return True
    if source == "tests":
        return target == "benchmarks"
    # The facade and the command line offer the build; they load it when it is asked for.
    calls_builder = path.startswith(("densephrase/phrase_index.py", "densephrase/passage_index.py", "densephrase/cli/"))
    return calls_builder and inside_function and target == "build_index"


def room_of(module: str) -> str | None:
    """Return the room of an imported module or of a file's own; None for what belongs to no room."""
    parts = module.split(".")
    names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((name for name in names if name in ROOMS), None)


def room_fault(module: str, path: str) -> str | None:
    """Return what is wrong with an import of one room by another."""
    own, other = room_of(module_of(path)), room_of(module)
    if own is None or other is None or path.endswith("__main__.py") or ROOMS.index(other) <= ROOMS.index(own):
        return None
    return f"imports {module}; the room {other} stands above {own}"


def import_faults(node: ast.AST, path: str, inside_function: bool) -> Iterator[str]:
    """Yield what is wrong with an import statement."""
    allowed_in_kernels = KERNEL_IMPORTS_OF.get(path, KERNEL_IMPORTS)
    for module in imported_modules(node, path):
        top, target = module.split(".")[0], folder_of(module)
        if top in MAPPED:
            yield f"imports {module}; the import name is densephrase.{module}"
        elif target and not may_import(path, target, inside_function):
            yield f"imports {module}, which does not lie below it"
        elif fault := room_fault(module, path):
            yield fault
        elif path.startswith("kernels/") and target is None and top not in allowed_in_kernels:
            yield f"imports {top}; a kernel imports numpy, numba and math only"
        elif top in PICKLERS:
            yield f"imports {top}; nothing is pickled"


def keyword_is(node: ast.Call, name: str, value: bool) -> bool:
    """Say whether a call passes the literal `name=value`."""
    return any(k.arg == name and isinstance(k.value, ast.Constant) and k.value.value is value for k in node.keywords)


def call_faults(node: ast.AST, path: str) -> Iterator[str]:
    """Yield what is wrong with a call."""
    if not isinstance(node, ast.Call):
        return
    called = ast.unparse(node.func)
    if called in WRITERS and not path.startswith(("densephrase/cli/output.py", "benchmarks/", "tests/")):
        yield f"calls {called}; only densephrase/cli/output.py writes, where control characters are made visible"
    loads = called == "torch.load" and not keyword_is(node, "weights_only", True)
    saves = called == "torch.save" and not path.startswith("tests/")  # where it makes files as others publish them
    if loads or saves or keyword_is(node, "allow_pickle", True):
        yield f"calls {called}, which pickles"
    if keyword_is(node, "strict", False) and called != "zip" and not path.startswith("tests/"):
        yield f"calls {called} with strict=False, which hides what does not fit"


def compiler_faults(node: ast.AST, path: str) -> Iterator[str]:
    """Yield uses of numba's compilers outside their one module."""
    if path.startswith(LOWLEVEL):
        return
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "numba":
        yield from (f"imports {a.name} of numba; use kernels/compile.py" for a in node.names if a.name in COMPILERS)
    if isinstance(node, ast.Attribute) and node.attr in COMPILERS and ast.unparse(node.value) in ("numba", "nb"):
        yield f"uses numba.{node.attr}; use kernels/compile.py"


def lowlevel_faults(node: ast.AST, path: str) -> Iterator[str]:
    """Yield imports of LLVM and of numba's private parts outside their room."""
    if path.startswith((LOWLEVEL, "tests/")):
        return
    for module in imported_modules(node, path):
        if any(f"{module}.".startswith(f"{private}.") for private in ONLY_LOWLEVEL):
            yield f"imports {module}; only {LOWLEVEL} does"


def faults(path: str, source: str) -> list[str]:
    """Return every broken rule of a module as `path:line: what`."""
    found = set()
    for node, inside_function in walk(ast.parse(source)):
        for fault in (
            *import_faults(node, path, inside_function),
            *call_faults(node, path),
            *compiler_faults(node, path),
            *lowlevel_faults(node, path),
        ):
            found.add(f"{path}:{getattr(node, 'lineno', 0)}: {fault}")
    return sorted(found)


def checked_files() -> list[str]:
    return sorted(p.relative_to(ROOT).as_posix() for folder in LAYERS for p in (ROOT / folder).rglob("*.py"))


def test_every_folder_is_checked() -> None:
    checked = checked_files()
    assert {"kernels/compile.py", "densephrase/__init__.py", "tests/test_layers.py"} <= set(checked)


def test_modules_keep_the_rules() -> None:
    found = [fault for path in checked_files() for fault in faults(path, (ROOT / path).read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)


def modules_in(folder: Path) -> int:
    return sum(file.name not in ("__init__.py", "__main__.py") for file in folder.glob("*.py"))


def test_every_folder_is_a_room() -> None:
    files = [path for path in checked_files() if path.startswith(("densephrase/", "build_index/"))]
    outside = [path for path in files if room_of(module_of(path)) is None and not path.endswith("__init__.py")]
    assert outside == ["densephrase/__main__.py"]


def test_no_room_is_too_full() -> None:
    folders = {(ROOT / path).parent for path in checked_files() if not path.startswith("tests/")}
    full = {folder.relative_to(ROOT).as_posix(): modules_in(folder) for folder in folders}
    assert {name: count for name, count in full.items() if count > FULL and name not in MAY_BE_FULLER} == {}


@pytest.mark.parametrize("folder", MAPPED)
def test_mapped_folders_are_no_packages(folder: str) -> None:
    assert (ROOT / folder).is_dir()
    assert not (ROOT / folder / "__init__.py").exists()


BAD = {
    "kernel-imports-library": ("kernels/scan.py", "from densephrase.data import Answer"),
    "kernel-imports-h5py": ("kernels/scan.py", "import h5py"),
    "kernel-imports-os": ("kernels/scan.py", "import os"),
    "kernel-imports-llvmlite": ("kernels/scan.py", "from llvmlite import ir"),
    "compile-module-imports-llvmlite": ("kernels/compile.py", "import llvmlite"),
    "kernel-imports-numba-core": ("kernels/scan.py", "from numba.core import types"),
    "kernel-imports-core-of-numba": ("kernels/scan.py", "from numba import core"),
    "kernel-imports-numba-extending": ("kernels/scan.py", "from numba.extending import intrinsic"),
    "library-imports-numba-core": ("densephrase/x.py", "import numba.core.types"),
    "lowlevel-imports-h5py": ("kernels/lowlevel/rows.py", "import h5py"),
    "plain-rows-import-llvmlite": ("kernels/lowlevel/rows.py", "from llvmlite import ir"),
    "library-imports-builder": ("densephrase/search/x.py", "import densephrase.build_index.pipeline"),
    "library-imports-builder-by-name": ("densephrase/search/x.py", "from densephrase import build_index"),
    "library-imports-builder-relatively": ("densephrase/search/x.py", "from ..build_index import pipeline"),
    "library-imports-builder-late": ("densephrase/search/x.py", "def f():\n    from densephrase.build_index import x"),
    "facade-imports-builder-at-the-top": ("densephrase/phrase_index.py", "from densephrase.build_index import x"),
    "facade-imports-server": ("densephrase/phrase_index.py", "def f():\n    import densephrase.serve.app"),
    "builder-imports-server": ("build_index/x.py", "import densephrase.serve.app"),
    "server-imports-builder": ("serve/x.py", "import densephrase.build_index.x"),
    "library-imports-tests": ("densephrase/x.py", "import tests.helpers"),
    "library-imports-benchmarks": ("densephrase/x.py", "from benchmarks import speed"),
    "benchmarks-import-tests": ("benchmarks/x.py", "from tests import helpers"),
    "top-level-kernels": ("densephrase/x.py", "import kernels"),
    "bare-njit": ("densephrase/x.py", "from numba import njit"),
    "njit-of-the-compile-module": ("kernels/compile.py", "from numba import njit"),
    "bare-njit-as-attribute": ("kernels/scan.py", "import numba\n@numba.njit\ndef f(): pass"),
    "encoder-imports-search": ("densephrase/encoder/config.py", "from densephrase.search.plan.options import x"),
    "storage-imports-index": ("densephrase/storage/columns.py", "from densephrase.index.format import manifest"),
    "terms-import-index": ("densephrase/terms/postings.py", "import densephrase.index.index_reader"),
    "reader-imports-training-late": ("densephrase/reader/model.py", "def f():\n    import densephrase.training.loop.x"),
    "room-imports-what-it-belongs-to": ("densephrase/index/shards/shard.py", "import densephrase.index.index_reader"),
    "search-imports-facade": ("densephrase/search/searcher.py", "from densephrase.phrase_index import PhraseIndex"),
    "build-room-imports-pipeline": ("build_index/lists/x.py", "from densephrase.build_index.pipeline import build"),
    "print": ("densephrase/x.py", "print('x')"),
    "print-of-a-command": ("densephrase/cli/commands/ask.py", "print('x')"),
    "write-of-a-command": ("densephrase/cli/commands/ask.py", "sys.stderr.write('x')"),
    "handler": ("densephrase/x.py", "logging.StreamHandler()"),
    "parser": ("densephrase/cli/main.py", "argparse.ArgumentParser()"),
    "pickle": ("build_index/x.py", "import pickle"),
    "pickle-late": ("build_index/x.py", "def f():\n    from pickle import loads"),
    "pickle-through-numpy": ("densephrase/x.py", "np.load(path, allow_pickle=True)"),
    "pickle-through-torch": ("densephrase/x.py", "torch.load(path)"),
    "pickle-into-torch": ("densephrase/x.py", "torch.save(state, path)"),
    "pickle-of-a-test": ("tests/x.py", "torch.load(path, weights_only=False)"),
    "not-strict": ("densephrase/x.py", "model.load_state_dict(weights, strict=False)"),
}

GOOD = {
    "kernel-imports-kernel": ("kernels/scan.py", "import math\nfrom densephrase.kernels.compile import kernel"),
    "rows-in-llvm": ("kernels/lowlevel/llvm/rows.py", "from llvmlite import ir\nfrom numba.extending import intrinsic"),
    "compile-module": ("kernels/compile.py", "import sys\nimport numba\nfrom collections.abc import Callable"),
    "compiler": ("kernels/lowlevel/compiler.py", "from numba import njit\nfrom numba.core import types"),
    "library-imports-kernel": ("densephrase/search/x.py", "from densephrase.kernels.scan import scan"),
    "library-imports-relatively": ("densephrase/search/x.py", "from ..data import Answer\nfrom .y import z"),
    "facade-imports-builder-late": ("densephrase/phrase_index.py", "def f():\n    import densephrase.build_index.x"),
    "other-facade-too": ("densephrase/passage_index.py", "def f():\n    import densephrase.build_index.x"),
    "cli-imports-builder-late": (
        "densephrase/cli/commands/build.py",
        "def f():\n    from densephrase.build_index import x",
    ),
    "builder-imports-library": ("build_index/x.py", "import densephrase.data, densephrase.build_index.y"),
    "search-imports-encoder": ("densephrase/search/searcher.py", "import densephrase.encoder.question.onnx_encoder"),
    "index-imports-its-rooms": ("densephrase/index/index_reader.py", "from densephrase.index.shards import shard"),
    "room-imports-itself": ("densephrase/terms/postings.py", "from densephrase.terms.bm25 import idf"),
    "anyone-asks-the-version": ("densephrase/evaluation/environment.py", "import densephrase"),
    "prange": ("kernels/scan.py", "from numba import prange"),
    "cli-prints": ("densephrase/cli/output.py", "print('x')"),
    "weights-of-others": ("tests/x.py", "torch.save(state, path)"),
    "weights-of-torch": ("densephrase/x.py", "torch.load(path, weights_only=True)"),
    "strict": ("densephrase/x.py", "model.load_state_dict(weights, strict=True)"),
    "pairs": ("densephrase/x.py", "zip(a, a[1:], strict=False)"),
}


@pytest.mark.parametrize(("path", "source"), BAD.values(), ids=BAD.keys())
def test_checker_finds(path: str, source: str) -> None:
    assert faults(path, source)


@pytest.mark.parametrize(("path", "source"), GOOD.values(), ids=GOOD.keys())
def test_checker_accepts(path: str, source: str) -> None:
    assert faults(path, source) == []
