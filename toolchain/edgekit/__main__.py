"""`python -m edgekit`: the command line without the script, which a moved environment breaks."""

from __future__ import annotations

import sys

from edgekit.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
