"""The phrase side, in torch: paragraphs become filtered, quantised start and end rows with sparse vectors."""
