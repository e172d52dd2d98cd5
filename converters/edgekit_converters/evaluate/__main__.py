"""The exported file's session's child process."""

from __future__ import annotations

from edgekit_converters.evaluate.session import serve_exported

serve_exported()
