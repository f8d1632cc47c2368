"""`python -m densephrase` is the command `densephrase`."""

import sys

from densephrase.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
