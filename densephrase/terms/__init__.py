"""The term half of the search: text to terms, an inverted index of them, BM25 over paragraphs and documents."""
