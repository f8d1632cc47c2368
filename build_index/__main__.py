"""`python -m densephrase.build_index` does the same as `densephrase build`."""

import sys

from densephrase.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main(["build", *sys.argv[1:]]))
