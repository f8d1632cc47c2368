"""The texts of spelled paragraphs of an index, all in one call: one for each would take longer than they do."""

from densephrase.kernels.compile import kernel
from densephrase.kernels.shards import ShardTable, owner, paragraph_length, spelled_paragraphs
from densephrase.kernels.spelling import Vocabulary, write_spelled
from densephrase.kernels.types import Bytes, Rows


@kernel
def write_paragraphs(table: ShardTable, paragraphs: Rows, text: Bytes, ptr: Rows, lengths: Rows) -> None:
    """Write some paragraphs and what follows each up to the next one, in UTF-8, one after the other.

    `paragraphs` int64[P] are numbered over all shards. The outputs are `text` uint8[n], of which no more is written
    than there is; `ptr` int64[P + 1], paragraph p takes the bytes `ptr[p]:ptr[p + 1]` of a text that is long enough;
    and `lengths` int64[P], code points of the paragraph itself.
    """
    vocabulary = Vocabulary(table.piece_blob, table.piece_ptr)
    ptr[0] = 0
    for position in range(paragraphs.size):
        shard = owner(table.paragraphs, paragraphs[position])
        paragraph = paragraphs[position] - table.paragraphs[shard]
        lengths[position] = paragraph_length(table, shard, paragraph)
        room = text[min(ptr[position], text.size) :]
        ptr[position + 1] = ptr[position] + write_spelled(
            spelled_paragraphs(table, shard), vocabulary, paragraph, paragraph + 1, room
        )
