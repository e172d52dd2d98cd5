"""`python -m edgekit`: the command line without the script, which a moved environment breaks."""

from __future__ import annotations

from edgekit.cli.main import run

if __name__ == "__main__":
    run()
