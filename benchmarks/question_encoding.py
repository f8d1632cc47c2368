"""Compare what encodes questions: torch, and onnxruntime in float32 and in 8 bits.

    python -m benchmarks.question_encoding QUESTIONS [--limit 300] [--encoder FOLDER] [--threads 1] [--json]

Each program gets the same questions, one at a time and in batches of 64, in turn and `--repeats` times; the fastest of
the times of a question or of all batches counts. `--threads` are those of torch, and the batches that onnxruntime
encodes at the same time. Loading is that of a process of its own, from the first import to the first question's
vectors, and so is the peak of memory. Cosines are those with torch's vectors, over starts and ends.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from densephrase.corpus.questions.reader import read_questions
from densephrase.encoder.encoded import QuestionVectors
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.encoder.question.onnx_encoder import OnnxQuestionEncoder
from densephrase.encoder.question.question_encoder import QuestionEncoder
from densephrase.evaluation.environment import versions

_TOGETHER = 64
_LOADING = """
import sys, time
from pathlib import Path
began = time.perf_counter()
from densephrase.encoder.{module} import {name}
{name}.from_pretrained(sys.argv[1], **{options}).encode_questions(["Who wrote Hamlet?"])
print(time.perf_counter() - began)
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])  # what getrusage tells began before exec
"""
_PROGRAMS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "torch float32": ("phrase.phrase_encoder", "PhraseEncoder", {"bf16": False}),
    "onnx float32": ("question.onnx_encoder", "OnnxQuestionEncoder", {"precision": "float32"}),
    "onnx int8": ("question.onnx_encoder", "OnnxQuestionEncoder", {"precision": "int8"}),
}


def main() -> None:
    """Measure and print a table, or with `--json` all figures."""
    options = _arguments()
    torch.set_num_threads(options.threads)
    texts = [question.text for question in read_questions(options.questions)]
    texts = random.Random(options.seed).sample(texts, min(options.limit, len(texts)))
    encoders: dict[str, QuestionEncoder] = {
        "torch float32": PhraseEncoder.from_pretrained(options.encoder, bf16=False),
        "onnx float32": OnnxQuestionEncoder.from_pretrained(options.encoder, "float32", options.threads),
        "onnx int8": OnnxQuestionEncoder.from_pretrained(options.encoder, "int8", options.threads),
    }
    figures = compare(encoders, texts, options.repeats)
    for name, row in figures.items():
        row |= loading(name, options.encoder, options.repeats)
    facts = {
        "questions": len(texts),
        "word_pieces": float(np.median([len(row) for row in encoders["onnx int8"].tokeniser.questions(texts)])),
        "encoder": encoders["onnx int8"].fingerprint[:16],
        "threads": options.threads,
        "cores": len(os.sched_getaffinity(0)),
        "processor": platform.processor() or platform.machine(),
        "versions": versions(),
    }
    if options.json:
        print(json.dumps({"programs": figures, **facts}))
    else:
        _print_table(figures, facts)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", help="SQuAD json or JSON lines, may be gzipped")
    parser.add_argument("--encoder", default="default", help="name or folder of an encoder, stored in 8 bits")
    parser.add_argument("--limit", type=int, default=300, help="how many questions (default: 300)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def compare(encoders: dict[str, QuestionEncoder], texts: Sequence[str], repeats: int) -> dict[str, dict[str, float]]:
    """Return, for each encoder, times and the cosines of its vectors with those of the first one."""
    alone: dict[str, list[list[float]]] = {name: [] for name in encoders}
    together: dict[str, list[float]] = {name: [] for name in encoders}
    vectors = {name: encoder.encode_questions(texts) for name, encoder in encoders.items()}  # and warm
    for _ in range(repeats):
        for name, encoder in encoders.items():
            alone[name].append([_seconds(encoder, [text]) for text in texts])
            together[name].append(_seconds(encoder, texts))
    first = next(iter(vectors.values()))
    figures = {}
    for name in encoders:
        milliseconds = 1000 * np.array(alone[name]).min(0)
        cosine = _cosines(vectors[name], first)
        figures[name] = {
            "ms_p50": float(np.median(milliseconds)),
            "ms_p99": float(np.quantile(milliseconds, 0.99)),
            "questions_per_second": len(texts) / min(together[name]),
            "cosine_least": float(cosine.min()),
            "cosine_mean": float(cosine.mean()),
        }
    return figures


def loading(name: str, encoder: str, repeats: int) -> dict[str, float]:
    """Return the seconds until a new process has encoded its first question, and its peak of memory in MB."""
    module, kind, options = _PROGRAMS[name]
    code = _LOADING.format(module=module, name=kind, options=options)
    runs = [
        subprocess.run([sys.executable, "-c", code, encoder], stdout=subprocess.PIPE, text=True, check=True)
        for _ in range(repeats)
    ]
    seconds, memory = zip(*(map(float, run.stdout.split()) for run in runs), strict=True)
    return {"load_seconds": min(seconds), "peak_memory_mb": min(memory) / 1024}


def _seconds(encoder: QuestionEncoder, texts: Sequence[str]) -> float:
    began = time.perf_counter()
    for at in range(0, len(texts), _TOGETHER):
        encoder.encode_questions(texts[at : at + _TOGETHER])
    return time.perf_counter() - began


def _cosines(found: QuestionVectors, expected: QuestionVectors) -> NDArray[np.float32]:
    """Return the cosines of start vectors, then of end vectors, float32 [2 n]."""
    one, other = (np.concatenate([vectors.start, vectors.end]) for vectors in (found, expected))
    cosines: NDArray[np.float32] = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    return cosines


def _print_table(figures: dict[str, dict[str, float]], facts: dict[str, Any]) -> None:
    print("| program | ms, median | ms, 99 % | questions/s in batches | cosine, least | mean | s to load | MB |")
    print("|---|---|---|---|---|---|---|---|")
    for name, row in figures.items():
        times = f"{row['ms_p50']:.2f} | {row['ms_p99']:.2f} | {row['questions_per_second']:,.0f}"
        cosines = f"{row['cosine_least']:.5f} | {row['cosine_mean']:.5f}"
        print(f"| {name} | {times} | {cosines} | {row['load_seconds']:.2f} | {row['peak_memory_mb']:,.0f} |")
    print(", ".join(f"{name}: {value}" for name, value in facts.items()))


if __name__ == "__main__":
    main()
