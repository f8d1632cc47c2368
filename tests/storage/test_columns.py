import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from densephrase.errors import IndexFormatError
from densephrase.storage.columns import STRUCTURE, checksum_columns, map_columns, write_columns
from tests.soaking import examples

DTYPES = st.sampled_from(["i1", "u1", "<i2", "<i4", "<i8", "<f4", "<f8"])
ARRAYS = DTYPES.flatmap(
    lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=40))
)
COLUMNS = st.dictionaries(st.from_regex(r"\A[a-z_]{1,12}\Z"), ARRAYS, max_size=12)
ATTRIBUTES = st.dictionaries(
    st.from_regex(r"\A[a-z]{1,8}\Z"),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"))
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False),
    max_size=10,
)


@given(columns=COLUMNS, attributes=ATTRIBUTES)
@settings(deadline=None, max_examples=examples(60))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, columns: dict, attributes: dict) -> None:
    path = tmp_path_factory.mktemp("columns") / "a.h5"
    checksums = write_columns(path, columns, attributes)
    mapped = map_columns(path)
    assert set(mapped) == set(columns)
    assert mapped.attributes == attributes
    for name, column in columns.items():
        assert mapped[name].dtype == column.dtype
        assert mapped[name].shape == column.shape
        assert mapped[name].tobytes() == column.tobytes()
        assert not mapped[name].flags.writeable
        assert checksums[name] == hashlib.sha256(column.tobytes()).hexdigest()
    assert checksum_columns(path) == checksums


@given(columns=COLUMNS)
@settings(deadline=None, max_examples=examples(30))
def test_h5py_reads_the_same_and_columns_are_aligned(tmp_path_factory: pytest.TempPathFactory, columns: dict) -> None:
    path = tmp_path_factory.mktemp("columns") / "a.h5"
    write_columns(path, columns, {})
    with h5py.File(path) as file:
        for name, column in columns.items():
            assert file[name][...].tobytes() == column.tobytes()
            assert (file[name].id.get_offset() or 0) % 64 == 0


def _write(path: Path) -> dict[str, str]:
    return write_columns(
        path, {"a": np.arange(1000), "b": np.ones((3, 5), "f4"), "c": np.zeros(0, "i1")}, {"kind": "x"}
    )


def test_equal_columns_give_equal_files(tmp_path: Path) -> None:
    _write(tmp_path / "one.h5")
    time.sleep(1.1)  # HDF5 counts times in seconds
    _write(tmp_path / "two.h5")
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()


def test_no_temporary_file_is_left(tmp_path: Path) -> None:
    _write(tmp_path / "one.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["one.h5"]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    _write(tmp_path / "one.h5")
    before = (tmp_path / "one.h5").read_bytes()
    with pytest.raises(ValueError, match="column 'bad' has type"):
        write_columns(tmp_path / "one.h5", {"a": np.arange(3), "bad": np.array([None])}, {})
    assert (tmp_path / "one.h5").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["one.h5"]


def test_every_byte_is_covered_by_a_checksum(tmp_path: Path) -> None:
    checksums = _write(tmp_path / "one.h5")
    content = (tmp_path / "one.h5").read_bytes()
    rng = np.random.default_rng(0)
    for position in rng.integers(0, len(content), 300):
        damaged = bytearray(content)
        damaged[position] ^= 1 << int(rng.integers(8))
        (tmp_path / "two.h5").write_bytes(damaged)
        try:
            found = checksum_columns(tmp_path / "two.h5")
        except IndexFormatError:
            continue
        assert found != checksums


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(IndexFormatError, match=r"nowhere\.h5: the file is missing"):
        map_columns(tmp_path / "nowhere.h5")


@pytest.mark.parametrize("size", [0, 1, 7, 100, 3000, -1], ids=lambda size: f"{size}-bytes")
def test_truncated_file_is_refused(tmp_path: Path, size: int) -> None:
    _write(tmp_path / "one.h5")
    (tmp_path / "two.h5").write_bytes((tmp_path / "one.h5").read_bytes()[:size])
    with pytest.raises(IndexFormatError, match=r"two\.h5"):
        map_columns(tmp_path / "two.h5")


def test_missing_column_lists_those_there(tmp_path: Path) -> None:
    _write(tmp_path / "one.h5")
    with pytest.raises(IndexFormatError, match="no column 'z'; found: a, b, c"):
        map_columns(tmp_path / "one.h5")["z"]


def test_require_checks_type_and_shape(tmp_path: Path) -> None:
    _write(tmp_path / "one.h5")
    mapped = map_columns(tmp_path / "one.h5")
    assert mapped.require("b", "float32", (None, 5)).shape == (3, 5)
    for dtype, shape in (("int8", (None, 5)), ("float32", (None, 4)), ("float32", (None,))):
        with pytest.raises(IndexFormatError, match="column 'b' is float32"):
            mapped.require("b", dtype, shape)


def _chunked(file: h5py.File) -> None:
    file.create_dataset("a", data=np.arange(100), chunks=(10,))


def _external(file: h5py.File) -> None:
    file.create_dataset("a", shape=(10,), dtype="u1", external=[("/etc/hostname", 0, 10)])


def _group(file: h5py.File) -> None:
    file.create_group("a")


def _soft_link(file: h5py.File) -> None:
    file["b"] = np.arange(3)
    file["a"] = h5py.SoftLink("/b")


def _external_link(file: h5py.File) -> None:
    file["a"] = h5py.ExternalLink("/tmp/other.h5", "/a")


def _strings(file: h5py.File) -> None:
    file["a"] = ["text"]


def _big_endian(file: h5py.File) -> None:
    file.create_dataset("a", data=np.arange(3, dtype=">i4"))


def _scalar_null(file: h5py.File) -> None:
    file["a"] = h5py.Empty("i4")


def _unallocated(file: h5py.File) -> None:
    file.create_dataset("a", shape=(2**40,), dtype="i8")


def _endless_and_empty(file: h5py.File) -> None:
    file.create_dataset("a", shape=(2**62, 0), dtype="i8")


def _array_attribute(file: h5py.File) -> None:
    file.attrs["a"] = np.arange(3)


def _text_in_a_heap(file: h5py.File) -> None:
    file.attrs["a"] = "of variable length"


HOSTILE = [_chunked, _external, _group, _soft_link, _external_link, _strings, _big_endian, _scalar_null, _unallocated]


@pytest.mark.parametrize(
    "make", [*HOSTILE, _endless_and_empty, _array_attribute, _text_in_a_heap], ids=lambda make: make.__name__.strip("_")
)
def test_anything_but_plain_columns_is_refused(tmp_path: Path, make: Callable[[h5py.File], None]) -> None:
    path = tmp_path / "hostile.h5"
    with h5py.File(path, "w") as file:
        make(file)
    with pytest.raises(IndexFormatError, match=r"hostile\.h5"):
        map_columns(path)


def test_structure_is_no_column_name() -> None:
    assert not STRUCTURE.isidentifier()


def test_arrays_outlive_the_mapping(tmp_path: Path) -> None:
    _write(tmp_path / "one.h5")
    array = map_columns(tmp_path / "one.h5")["a"]
    assert array.sum() == 499_500


def test_released_pages_can_be_read_again(tmp_path: Path) -> None:
    _write(tmp_path / "one.h5")
    mapped = map_columns(tmp_path / "one.h5")
    assert mapped["a"].sum() == 499_500
    mapped.release()
    assert mapped["a"].sum() == 499_500
