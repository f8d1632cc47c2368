"""The encoder inside an index: the one that made its rows, or none; it is looked for nowhere else."""

from __future__ import annotations

import hashlib
from pathlib import Path

from densephrase.encoder.config import CONFIG_FILE, EncoderConfig
from densephrase.encoder.encoder_files import read_encoder_file
from densephrase.encoder.files.location import ENCODER_FILES, fingerprint_of
from densephrase.errors import EncoderError, IndexFormatError
from densephrase.index.format.index_parts import EncoderRecord


def find_own_encoder(index: Path, record: EncoderRecord) -> Path:
    """Return the folder of an index's own encoder; IndexFormatError when it or a file of it is not there."""
    folder = index / record.path
    if not folder.is_dir():
        raise IndexFormatError(
            f"{index}: the index lost its folder {record.path!r}, the encoder that it was built with and that encodes "
            "questions. Put it back from a copy of the index, or rebuild the index"
        )
    for name in record.files:
        if not (folder / name).exists():
            raise IndexFormatError(
                f"{index}: the index lost {record.path}/{name}, a file of the encoder that it was built with. Put it "
                "back from a copy of the index, or rebuild the index"
            )
    return folder


def check_own_encoder(index: Path, record: EncoderRecord) -> Path:
    """Return the folder of an index's own encoder after comparing all its files with the manifest's record.

    The confidence alone may be another one than at the build: `calibrate` fits it again.

    Raises:
        IndexFormatError: when the encoder, or a part of it, is missing or another one.
        EncoderError: when a file cannot be read.
    """
    folder = find_own_encoder(index, record)
    stored = {name for name in ENCODER_FILES if (folder / name).exists()} | record.files.keys()
    different = sorted(name for name in stored if _checksum(folder, name) != record.files.get(name))
    if different and not (different == [CONFIG_FILE] and is_calibrated_again(folder, record)):
        raise IndexFormatError(
            f"{folder} is not the encoder that the index was built with: its fingerprint is {fingerprint_of(folder)}, "
            f"that of the index {record.fingerprint}; different: {', '.join(different)}. Put the index's own encoder "
            "back, or rebuild the index"
        )
    return folder


def check_renewable(index: Path, record: EncoderRecord) -> None:
    """Raise IndexFormatError for an index that would not know its encoder again once the confidence is another."""
    if record.settings is None:
        raise IndexFormatError(
            f"{index}: the index was built by a former version, which recorded its encoder with the confidence. Write "
            "the calibrated encoder elsewhere (--output) and search with it (--encoder), or rebuild the index"
        )


def is_calibrated_again(folder: Path, record: EncoderRecord) -> bool:
    """Tell whether the configuration in `folder` differs from the recorded one in its confidence alone."""
    try:
        return EncoderConfig.load(folder).digest_without_confidence() == record.settings
    except EncoderError:
        return False


def _checksum(folder: Path, name: str) -> str:
    return hashlib.sha256(read_encoder_file(folder, name)).hexdigest()
