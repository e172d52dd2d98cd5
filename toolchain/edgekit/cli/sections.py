"""A command whose help shows its options in sections, for those with too many for one list."""

from __future__ import annotations

from collections.abc import Mapping

import click

OTHERS = "Options"


class Sectioned(click.Command):
    """A command with sections.

    Args:
        sections: From a title to the names of the parameters under it, in that order; the others stand first.
    """

    def __init__(self, *args: object, sections: Mapping[str, tuple[str, ...]], **settings: object) -> None:
        super().__init__(*args, **settings)  # type: ignore[arg-type]  # what click hands to its own class
        self._sections = sections

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options; click's hook."""
        sectioned = {name: title for title, names in self._sections.items() for name in names}
        rows: dict[str, list[tuple[str, str]]] = {title: [] for title in (OTHERS, *self._sections)}
        for param in self.get_params(ctx):
            row = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if row is not None:
                rows[sectioned.get(param.name or "", OTHERS)].append(row)
        for title, found in rows.items():
            with formatter.section(title):
                formatter.write_dl(found)
