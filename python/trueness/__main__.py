"""`python -m trueness`: the command, also where it is not on the path."""

import sys

from trueness.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
