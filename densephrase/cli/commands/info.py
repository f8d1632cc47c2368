"""Show what an index holds and where its bytes go."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from densephrase.cli.arguments import add_json
from densephrase.cli.output import write_json, write_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `info`."""
    parser.add_argument("index", metavar="INDEX", help="folder of the index")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print counts, settings and sizes; with `--json`, as one object."""
    from densephrase.index.format.manifest_file import PASSAGES, index_kind

    is_passages = index_kind(Path(options.index)) == PASSAGES
    facts = _passage_facts(options.index) if is_passages else _phrase_facts(options.index)
    if options.json:
        write_json(facts)
    else:
        write_table(_passage_rows(facts) if is_passages else _rows(facts))
    return 0


def _phrase_facts(path: str) -> dict[str, Any]:
    from densephrase.phrase_index import PhraseIndex

    with PhraseIndex.open(path) as index:
        return index.info()


def _passage_facts(path: str) -> dict[str, Any]:
    from densephrase.passage_index import PassageIndex

    with PassageIndex.open(path) as index:
        return index.info()


def _rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the facts for people; the encoder's bytes do not depend on the corpus and are not shared out to tokens."""
    tokens = facts["tokens"]
    rows = [(name, f"{facts[name]:,}") for name in ("documents", "paragraphs", "tokens")]
    for name in ("starts", "ends"):
        share = f"  ({100 * facts[name] / tokens:.1f} % of the tokens)" if tokens else ""
        rows.append((f"kept {name}", f"{facts[name]:,}{share}"))
    rows.append(("bytes", f"{facts['bytes']:,}"))
    for name, size in facts["bytes_by_component"].items():
        share = f"  ({size / tokens:.1f} a token)" if tokens and name != "encoder" else ""
        rows.append((f"  {name}", f"{size:,}{share}"))
    if tokens:
        rows.append(("bytes a token, without the encoder", f"{facts['bytes_per_token']:.1f}"))
    sparse = f", sparse vectors of rank {facts['sparse_rank']}" if facts["sparse_rank"] else ""
    start_bytes, end_bytes = facts["row_sizes"]
    product = f"product-quantised in {start_bytes} bytes for starts, {end_bytes} for ends"
    form = "int8" if facts["quantisation"] == "int8" else product
    rows.append(("row", f"{facts['vector_size']} dimensions + {facts['coherency_rank']} of coherency, {form}{sparse}"))
    dimensions = facts["list_dimensions"] if facts["quantisation"] == "int8" else [0] * len(facts["ann"])
    rows.append(("search structure", ", ".join(map(_structure, facts["ann"], dimensions))))
    rows.append(("text analyser", facts["analyser"]))
    rows.append(("encoder", facts["encoder"][:16]))
    return rows


def _passage_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the facts of an index of passages for people."""
    passages, size = facts["passages"], facts["vector_size"]
    rows = [(name, f"{facts[name]:,}") for name in ("documents", "passages", "tokens", "bytes")]
    for name, part in facts["bytes_by_component"].items():
        share = f"  ({part / passages:.1f} a passage)" if passages and name != "encoder" else ""
        rows.append((f"  {name}", f"{part:,}{share}"))
    if passages:
        rows.append(("bytes a passage, without the encoder", f"{facts['bytes_per_passage']:.1f}"))
    rows.append(("vector", "none; searched by terms only" if size is None else f"{size} dimensions, int8"))
    if size is not None:
        rows.append(("search structure", ", ".join(facts["ann"])))
    rows.append(("text analyser", facts["analyser"]))
    if facts["encoder"] is not None:
        rows.append(("encoder", facts["encoder"][:16]))
    return rows


def _structure(kind: str, dimensions: int) -> str:
    return f"{kind} of {dimensions} dimensions" if dimensions else kind
