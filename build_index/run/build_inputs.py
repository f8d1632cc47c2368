"""Inputs of a build, which its bytes depend on; a build is continued only with those that it began with."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from densephrase.build_index.run.build_state import BuildState, locked
from densephrase.build_index.run.plan import ShardPlan
from densephrase.errors import BuildError
from densephrase.index.format.manifest_file import MANIFEST_FILE
from densephrase.versions import library_versions

# The libraries that make an index's bytes.
LIBRARIES = ("numpy", "h5py", "torch", "transformers", "tokenizers", "PyStemmer", "faiss-cpu", "faiss-gpu")
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BuildInputs:
    """The corpus (shard by shard), the encoder's fingerprint, the stored options, and the libraries' versions.

    encoder: "" for an index without vectors.
    precision: what the encoder computes texts in; rows of one index are never of two kinds.
    content: what is indexed.
    """

    shards: tuple[ShardPlan, ...]
    encoder: str
    precision: str
    options: dict[str, int | str | None]
    versions: dict[str, str]
    content: str = "phrases"

    @property
    def characters(self) -> int:
        """Characters of text in the corpus."""
        return sum(shard.characters for shard in self.shards)

    def check_continues(self, begun: BuildInputs, index_path: Path) -> None:
        """Refuse to continue a build that began with `begun`; other versions are only warned of.

        Raises:
            BuildError: saying what differs and what to do.
        """
        difference = self._difference(begun)
        if difference:
            raise BuildError(
                f"{index_path} holds an unfinished build with other inputs: {difference}. Use the same corpus, "
                "encoder, options and kind of processor to continue it, or remove the folder to start over."
            )
        if self.versions != begun.versions:
            _logger.warning(
                "the build began with %s and continues with %s; its bytes may differ from an uninterrupted build's",
                begun.versions,
                self.versions,
            )

    def _difference(self, begun: BuildInputs) -> str:
        if self.content != begun.content:
            return f"it was to index {begun.content} and is to index {self.content} now"
        for name in (*begun.options, *(name for name in self.options if name not in begun.options)):
            if self.options.get(name) != begun.options.get(name):
                return f"option {name} was {begun.options.get(name)!r} and is {self.options.get(name)!r} now"
        if self.encoder != begun.encoder:
            return f"the encoder's fingerprint was {begun.encoder[:16]}... and is {self.encoder[:16]}... now"
        if self.precision != begun.precision:
            return f"the encoder computed in {begun.precision} and computes in {self.precision} now"
        first = 1
        for before, now in zip(begun.shards, self.shards, strict=False):
            if before != now:
                return f"the corpus has changed between document {first} and document {first + before.documents - 1}"
            first += before.documents
        if len(begun.shards) != len(self.shards):
            return f"the corpus has changed from document {first} on"
        return ""


def versions_of(device: str) -> dict[str, str]:
    """Return the versions of the libraries, and the kind of the device if it is not the processor.

    The kind shows in the last bits of vectors and centroids, so that a build begun on another one is warned of.
    """
    kind = device.partition(":")[0]
    return library_versions(LIBRARIES) | ({} if kind == "cpu" else {"device": kind})


def carry_out(
    index_path: Path, inputs: BuildInputs, build_parts: Callable[[BuildState, BuildInputs, bool], None]
) -> None:
    """Build the parts of an index, or those that a stopped build has left, and forget the build once it is complete.

    build_parts: makes every part that `state` has no record of, and the manifest last; it is told whether it is the
        first to try.

    Raises:
        BuildError: if another build is at work there, parts of another one lie there, or the inputs have changed.
    """
    try:
        with locked(index_path) as state:
            begun = state.read("inputs", BuildInputs)
            if begun is not None:
                inputs.check_continues(begun, index_path)
            if not (index_path / MANIFEST_FILE).exists():
                if begun is None:
                    state.check_new()
                    state.write("inputs", inputs)
                state.remove_leftovers()
                build_parts(state, begun or inputs, begun is None)
            state.remove()
    except KeyboardInterrupt:
        _logger.warning("stopped; the same command continues the build of %s", index_path)
        raise
