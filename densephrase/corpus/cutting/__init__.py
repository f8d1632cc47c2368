"""How the text of a document is cut: paragraphs, sentences, and the characters that a reader sees."""
