"""JSON lines: an object `{id, text, title, ...}` a line; further fields are metadata, blank lines are passed over.

BEIR calls the id `_id`, and puts an object `metadata` beside it, whose fields are then the document's metadata.
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from densephrase.corpus.files.records import CorpusFile, Entry, Place, attempt, make_document
from densephrase.corpus.files.source import read_lines
from densephrase.data import Document
from densephrase.errors import CorpusError
from densephrase.storage.strict_json import DECODER

_EXPECTED = "expected one JSON object a line, in UTF-8, with the fields id, text and perhaps title"


def read_jsonl(file: CorpusFile) -> Iterator[Entry]:
    """Yield the document, or the error, of each line; raises CorpusError if the file cannot be read to its end."""
    for number, line in read_lines(file):
        if isinstance(line, CorpusError):
            yield line
        elif not line.isspace():
            place = Place(file.path, number)
            yield attempt(place, partial(_parse, place, line))


def _parse(place: Place, line: str) -> Document:
    try:
        record = DECODER.decode(line)
    except json.JSONDecodeError as error:
        raise place.error(f"invalid JSON ({error.msg} at character {error.pos + 1}); {_EXPECTED}") from error
    except ValueError as error:
        raise place.error(f"invalid JSON ({error}); {_EXPECTED}") from error
    if not isinstance(record, dict):
        raise place.error(f"found the JSON value {line.strip()[:40]!r}; {_EXPECTED}")
    return make_document(place, _beir_fields(record) if "_id" in record and "id" not in record else record)


def _beir_fields(record: dict[str, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in record.items() if name != "_id"} | {"id": record["_id"]}
    further = fields.get("metadata")
    if isinstance(further, dict) and not further.keys() & fields.keys():
        del fields["metadata"]
        return {**fields, **further}
    return fields


SUFFIXES = dict.fromkeys((".jsonl", ".ndjson"), read_jsonl)
