"""From spans to answers: grouped, cited, explained."""
