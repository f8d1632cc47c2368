"""Compare the speed of a build with that of the bare encoder, over the same paragraphs on the same cores.

    python -m benchmarks build_speed CORPUS --encoder FOLDER [--paragraphs 2000] [--threads N] [--json]

"forward" is the backbone alone (tokenising, batching and the forward pass), "encode" adds heads, filter and
quantisation, "build" is everything from the corpus file to the manifest. Each runs `--repeats` times in turn and the
fastest counts; memory is the peak of this process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from densephrase.build_index.pipeline import build
from densephrase.build_index.run.build_inputs import LIBRARIES
from densephrase.build_index.run.options import BuildOptions
from densephrase.build_index.shards.shard_builder import ENCODED_TOGETHER
from densephrase.corpus.cutting.paragraphs import split_paragraphs
from densephrase.corpus.reader import read_corpus
from densephrase.data import Document
from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.phrase.phrase_encoder import _BATCH_TOKENS, PhraseEncoder
from densephrase.encoder.tokens.padding import longest_first, pad_batch
from densephrase.versions import library_versions


def main() -> None:
    """Run the three in turn and print a table or JSON."""
    options = _arguments()
    if options.threads:
        torch.set_num_threads(options.threads)
    encoder = PhraseEncoder.from_pretrained(options.encoder)
    documents = first_documents(Path(options.corpus), options.paragraphs)
    paragraphs = [
        ParagraphInput(paragraph.text, document.title)
        for document in documents
        for paragraph in encoder.split_paragraphs([document.text])[0]
    ]
    with tempfile.TemporaryDirectory() as folder:
        corpus = write_documents(Path(folder) / "corpus.jsonl", documents)
        tokens = sum(item.tokens for item in encoder.encode_paragraphs(paragraphs[:64]))  # warm up
        runs: dict[str, Callable[[int], int]] = {
            "forward": lambda _: _forward(encoder, paragraphs),
            "encode": lambda _: _encode(encoder, paragraphs),
            "build": lambda number: _build(encoder, corpus, Path(folder) / f"index-{number}", options),
        }
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        for number in range(options.repeats):
            for name, run in runs.items():
                began = time.perf_counter()
                tokens = run(number)
                seconds[name].append(time.perf_counter() - began)
    _report(options, encoder, tokens, len(paragraphs), seconds)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--encoder", default="default", help="name or folder of an encoder")
    parser.add_argument("--paragraphs", type=int, help="stop after the document that reaches so many (default: all)")
    parser.add_argument("--threads", type=int, help="threads of the encoder (default: torch's choice)")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--flat-limit", type=int, default=BuildOptions().flat_limit)
    parser.add_argument("--shard-characters", type=int, default=BuildOptions().shard_characters)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def first_documents(corpus: Path, paragraphs: int | None) -> list[Document]:
    """Return the documents of a corpus up to the one that reaches so many paragraphs (None: all)."""
    documents, found = [], 0
    for document in read_corpus(corpus):
        documents.append(document)
        found += len(split_paragraphs(document.text))
        if paragraphs is not None and found >= paragraphs:
            break
    return documents


def write_documents(path: Path, documents: Sequence[Document]) -> Path:
    """Write documents as JSON lines; return the path."""
    with path.open("w", encoding="utf-8") as file:
        for document in documents:
            fields = {**document.metadata, "id": document.id, "title": document.title, "text": document.text}
            file.write(json.dumps(fields) + "\n")
    return path


def _chunks(paragraphs: Sequence[ParagraphInput]) -> list[list[ParagraphInput]]:
    rest = iter(paragraphs)
    return list(iter(lambda: list(islice(rest, ENCODED_TOGETHER)), []))


def _forward(encoder: PhraseEncoder, paragraphs: Sequence[ParagraphInput]) -> int:
    tokens = 0
    for chunk in _chunks(paragraphs):
        tokenised = encoder.tokeniser.paragraphs(chunk)
        tokens += sum(map(len, tokenised.offsets))
        rows = [window.input_ids for window in tokenised.windows]
        for numbers in longest_first([len(row) for row in rows], _BATCH_TOKENS):
            ids, mask = pad_batch([rows[number] for number in numbers], encoder.config.pad_token_id)
            with torch.inference_mode():
                encoder.text_backbone(input_ids=ids, attention_mask=mask.long())
    return tokens


def _encode(encoder: PhraseEncoder, paragraphs: Sequence[ParagraphInput]) -> int:
    return sum(item.tokens for chunk in _chunks(paragraphs) for item in encoder.encode_paragraphs(chunk))


def _build(encoder: PhraseEncoder, corpus: Path, index: Path, options: argparse.Namespace) -> int:
    chosen = BuildOptions(flat_limit=options.flat_limit, shard_characters=options.shard_characters)
    return build(corpus, index, encoder=encoder, options=chosen).counts.tokens


def _report(
    options: argparse.Namespace, encoder: PhraseEncoder, tokens: int, paragraphs: int, seconds: dict[str, list[float]]
) -> None:
    rates = {name: tokens / min(times) for name, times in seconds.items()}
    facts: dict[str, Any] = {
        "corpus": Path(options.corpus).name,
        "paragraphs": paragraphs,
        "tokens": tokens,
        "encoder": encoder.fingerprint[:16],
        "tokens_per_second": {name: round(rate, 1) for name, rate in rates.items()},
        "build_share_of_forward": round(rates["build"] / rates["forward"], 4),
        "build_share_of_encode": round(rates["build"] / rates["encode"], 4),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "threads": torch.get_num_threads(),
        "cores": len(os.sched_getaffinity(0)),
        "processor": platform.processor() or platform.machine(),
        "versions": library_versions(LIBRARIES),
    }
    if options.json:
        print(json.dumps(facts))
        return
    print("| what | tokens/s | seconds |\n|---|---|---|")
    for name, rate in rates.items():
        print(f"| {name} | {rate:,.0f} | {min(seconds[name]):.1f} |")
    for name in ("build_share_of_forward", "build_share_of_encode"):
        print(f"{name.replace('_', ' ')}: {facts[name]:.1%}")
    print(f"peak memory: {facts['peak_memory_mb']:,.0f} MB; threads: {facts['threads']}; cores: {facts['cores']}")


if __name__ == "__main__":
    main()
