"""What was deployed, in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

import click

from edgekit_devices.deployment import Deployment, Release, ServiceUnit
from edgekit_runtime.table import golden_line

HEAD = ("", "bundle", "release", "scheme", "edgekit", "state")


def print_deployment(done: Deployment) -> None:
    """Print what a deployment did."""
    click.echo(f"{done.name}: release {done.number} is current on {done.device} ({done.sent_bytes / 1e6:.2f} MB sent).")
    click.echo(golden_line(done.golden), nl=False)
    click.echo(f"On the device: {done.bundle}")
    if done.service is not None:
        click.echo(_service_line(done.service))


def print_warnings(warnings: Sequence[str]) -> None:
    """Print on stderr what the user should know."""
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)


def print_releases(releases: Sequence[Release], device: str) -> None:
    """Print the releases on a device, one line each, the current one of each bundle marked."""
    if not releases:
        click.echo(f"Nothing is deployed on {device}.")
        return
    rows = [HEAD, *map(_row, releases)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _service_line(service: ServiceUnit) -> str:
    when = "now and after each start" if service.starts_at_boot else "now"
    left = "; nothing changed, so it was left running" if service.left_running else ""
    return f"{service.unit} serves it at {service.url} on the device, {when}{left}."


def _row(release: Release) -> tuple[str, ...]:
    state = f"changed: {', '.join(release.changed)}" if release.changed else "whole"
    mark = "*" if release.current else ""
    return (mark, release.name, release.number, release.scheme, release.edgekit, state)
