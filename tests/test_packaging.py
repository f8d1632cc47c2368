"""What is installed is what lies in the checkout, and importing it is quick."""

from __future__ import annotations

import ast
import configparser
import importlib
import json
import os
import subprocess
import sys
from importlib import metadata, resources
from pathlib import Path

import pytest

import densephrase
from densephrase import PhraseIndex
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.kernels.lowlevel.form import TESTED

ROOT = Path(__file__).resolve().parent.parent
MAPPED = ("build_index", "kernels", "serve")
DISTRIBUTIONS = {"Stemmer": "PyStemmer", "faiss": "faiss-cpu"}  # where the import name is another one
NOT_TO_ASK = ("faiss", "huggingface_hub", "torch", "transformers")  # loaded only by those who need it
HEAVY = ("faiss", "h5py", "numba", "onnx", "onnxruntime", "torch", "transformers")


@pytest.fixture(scope="module")
def settings() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    assert parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def names(requirements: str) -> set[str]:
    """Return the normalised names of the packages required."""
    return {normalised(line.split("==")[0].split(">=")[0]) for line in lines(requirements)}


def normalised(name: str) -> str:
    return name.lower().replace("_", "-")


def run_python(code: str, folder: Path) -> str:
    """Run code in a fresh interpreter outside the checkout, on the package under test; return what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(Path(densephrase.__file__).parent.parent)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def packages_on_disk() -> set[str]:
    initialised = (file.parent.relative_to(ROOT) for file in (ROOT / "densephrase").rglob("__init__.py"))
    inside = {".".join(folder.parts) for folder in initialised}
    mapped = {
        ".".join(["densephrase", *folder.relative_to(ROOT).parts])
        for name in MAPPED
        for folder in [ROOT / name, *(file.parent for file in (ROOT / name).rglob("*.py"))]
    }
    return inside | mapped


def test_setup_lists_the_packages_on_disk(settings: configparser.ConfigParser) -> None:
    listed = lines(settings["options"]["packages"])
    assert len(listed) == len(set(listed))
    assert set(listed) == packages_on_disk()


def test_setup_maps_the_top_level_folders(settings: configparser.ConfigParser) -> None:
    mapping = dict(line.replace(" ", "").split("=") for line in lines(settings["options"]["package_dir"]))
    assert mapping == {"densephrase": "densephrase", **{f"densephrase.{name}": name for name in MAPPED}}


def test_package_data_exists(settings: configparser.ConfigParser) -> None:
    for package, patterns in settings["options.package_data"].items():
        folder = ROOT / package.replace(".", "/")
        missing = [pattern for pattern in lines(patterns) if not list(folder.glob(pattern))]
        assert not missing, f"nothing in {package} matches {missing}"


def test_no_extra_mixes_the_faiss_builds(settings: configparser.ConfigParser) -> None:
    for extra, requirements in settings["options.extras_require"].items():
        assert not {"faiss-cpu", "faiss-gpu"} <= names(requirements), extra
    assert not {"faiss-cpu", "faiss-gpu"} & names(settings["options"]["install_requires"])


def test_constraints_pin_every_requirement(settings: configparser.ConfigParser) -> None:
    extras = settings["options.extras_require"]
    required = names(settings["options"]["install_requires"])
    required = required.union(*(names(extras[extra]) for extra in extras if extra != "gpu"))
    pins = lines((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    assert all("==" in pin for pin in pins)
    assert required <= {normalised(pin.split("==")[0]) for pin in pins}


def test_caps_pins_and_the_tested_versions_agree(settings: configparser.ConfigParser) -> None:
    required = lines(settings["options"]["install_requires"])
    pins = dict(pin.split("==") for pin in lines((ROOT / "constraints.txt").read_text(encoding="utf-8")))
    assert set(TESTED) == {"numba", "llvmlite"}
    for package, tested in TESTED.items():
        major, minor = tested.split(".")
        assert f"{package}>={tested},<{major}.{int(minor) + 1}" in required
        assert pins[package].startswith(f"{tested}.")


@pytest.fixture
def distribution() -> metadata.Distribution:
    try:
        return metadata.distribution("densephrase")
    except metadata.PackageNotFoundError:
        pytest.skip("densephrase runs from the checkout and is not installed")


OURS = {"densephrase", "_typeshed"}  # and what type checkers alone know


def third_party_imports() -> set[str]:
    """Return the top-level names of other people's packages that the library imports anywhere."""
    folders = ["densephrase", *MAPPED]
    trees = [ast.parse(file.read_bytes()) for folder in folders for file in (ROOT / folder).rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    modules = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level and node.module]
    return {module.split(".")[0] for module in modules} - set(sys.stdlib_module_names) - OURS


def test_every_import_is_required(settings: configparser.ConfigParser) -> None:
    required = names(settings["options"]["install_requires"])
    for extra in ("cpu", "train"):
        required |= names(settings["options.extras_require"][extra])
    imported = {normalised(DISTRIBUTIONS.get(name, name)) for name in third_party_imports()}
    assert imported <= required


def test_installed_version_is_the_packages_version(distribution: metadata.Distribution) -> None:
    assert distribution.version == densephrase.__version__


def test_console_script_is_installed(distribution: metadata.Distribution) -> None:
    [script] = distribution.entry_points
    assert script.value == "densephrase.cli.main:main"
    assert callable(script.load())


@pytest.mark.parametrize("module", ["kernels.compile", "build_index.pipeline", "corpus", "encoder", "search", "terms"])
def test_modules_are_importable(module: str) -> None:
    assert importlib.import_module(f"densephrase.{module}").__name__ == f"densephrase.{module}"


@pytest.mark.parametrize("file", ["py.typed", "sample/corpus.jsonl", "sample/questions.json", "sample/ATTRIBUTION.md"])
def test_data_files_are_installed(file: str) -> None:
    assert resources.files("densephrase").joinpath(file).is_file()


@pytest.mark.parametrize("module", ["densephrase", "densephrase.cli.main"])
def test_import_loads_nothing_heavy(module: str, tmp_path: Path) -> None:
    code = f"import sys, {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    assert run_python(code, tmp_path).split() == []


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import contextlib, io, sys\n"
        "from densephrase.cli.main import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    main(['--help'])\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    assert run_python(code, tmp_path).split() == []


def test_a_question_loads_neither_torch_nor_transformers(tmp_path: Path, tiny_encoder: PhraseEncoder) -> None:
    (tmp_path / "a.txt").write_text("the king of the city was born in paris", encoding="utf-8")
    PhraseIndex.build(tmp_path / "a.txt", tmp_path / "index", encoder=tiny_encoder).close()
    code = (
        "import sys\n"
        "from densephrase.cli.main import main\n"
        "assert main(['ask', 'index', 'who was born', '--json', '--explain']) == 0\n"
        f"print(*[name for name in {NOT_TO_ASK!r} if name in sys.modules])"
    )
    answers, loaded = run_python(code, tmp_path).splitlines()
    assert json.loads(answers)["answers"]
    assert loaded == ""


def test_import_prints_nothing(tmp_path: Path) -> None:
    assert run_python("import densephrase", tmp_path) == ""
