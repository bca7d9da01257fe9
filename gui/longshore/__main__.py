"""Runs Longshore: ``python -m longshore``."""

import sys

from longshore.app import main

if __name__ == "__main__":
    sys.exit(main())
