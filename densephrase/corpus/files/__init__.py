"""Files of text: opened, unzipped, decoded, and what every reader hands on."""
