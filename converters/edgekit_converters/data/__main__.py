"""The data session's child process."""

from __future__ import annotations

from edgekit_converters.data.session import serve_data

serve_data()
