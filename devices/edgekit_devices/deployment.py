"""Deploying a bundle: staged beside the old one, checked on the device, then switched to in one step."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from edgekit_devices.answers import agent_error
from edgekit_devices.equip import equip
from edgekit_devices.files import Sendable, checksums, send_files, sendable
from edgekit_devices.package import build_runtime
from edgekit_devices.remote import RemoteDevice
from edgekit_runtime.bundle import Bundle, open_bundle
from edgekit_runtime.codec import FormatError, decode
from edgekit_runtime.errors import DeviceError, UserError
from edgekit_runtime.manifest import MANIFEST_FILE
from edgekit_runtime.progress import Progress, silent
from edgekit_runtime.record import GoldenCheck

KEEP = 3
CHECK_S = 300.0
INSTALL_S = 120.0
SERVICE_S = 480.0  # for systemd, and until the service answers
RUNTIME_FILE = "runtime.pyz"
HEADER = ("schema", "version")


@dataclass(frozen=True)
class Release:
    """A release on a device.

    Attributes:
        name: The bundle's name.
        number: Counts up from `0001`.
        current: Whether it is the one in use.
        digest: The bundle's digest; empty where its record is gone.
        format: `tflite` or `onnx`.
        scheme: Quantization scheme.
        edgekit: Version of edgekit that deployed it.
        changed: Files that were changed, or are missing, since it was deployed.
    """

    name: str
    number: str
    current: bool
    digest: str
    format: str
    scheme: str
    edgekit: str
    changed: tuple[str, ...]


@dataclass(frozen=True)
class ServiceUnit:
    """A service that was installed, and answers.

    Attributes:
        unit: Its name to systemd.
        url: Where it answers, on the device.
        starts_at_boot: Whether it starts with the device; else it runs only while its user is logged in.
        left_running: Whether it served just this already, so that it was not restarted.
    """

    unit: str
    url: str
    starts_at_boot: bool
    left_running: bool = False


@dataclass(frozen=True)
class Rollback:
    """What going back did.

    Attributes:
        release: The release that is current now.
        warnings: What the user should know, such as that its service does not start.
    """

    release: Release
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Removal:
    """What removing did.

    Attributes:
        name: The bundle's name.
        warnings: What the user should know, such as that its service could not be stopped.
    """

    name: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deployment:
    """What a deployment did.

    Attributes:
        device: The device's address.
        name: The bundle's name.
        number: The release's number.
        digest: The bundle's digest.
        sent_bytes: How much of runtime and bundle went over the connection; what was there did not.
        golden: What checking the golden outputs gave, on the device.
        bundle: The bundle's path on the device, which stays the same from release to release.
        service: The service that was installed with it; `None` where none was asked for.
        warnings: What the user should know, such as that an earlier service does not start again.
    """

    SCHEMA = "edgekit/deployment"
    VERSION = 1

    device: str
    name: str
    number: str
    digest: str
    sent_bytes: int
    golden: GoldenCheck
    bundle: str
    service: ServiceUnit | None = None
    warnings: tuple[str, ...] = ()


def deploy_bundle(
    device: RemoteDevice,
    path: Path,
    *,
    keep: int = KEEP,
    service_port: int | None = None,
    progress: Progress = silent,
) -> Deployment:
    """Deploy a bundle: whatever goes wrong, the release that was current still is.

    Args:
        device: Where.
        path: The bundle.
        keep: How many releases of it stay on the device.
        service_port: Port at which systemd there serves it; `None` for no new service.
        progress: Told of bytes and steps.

    Raises:
        BundleError: The bundle is damaged.
        ModelError: The device's interpreter refuses the model, dies of it, or does not come back in time.
        DeviceError: The device fails, has no room, or gives other outputs than the golden ones; or, as the message
            then says, the bundle is deployed, but cannot be served.
    """
    with open_bundle(path) as bundle:
        name = bundle.manifest.name
        device.session.call("lock")
        environment = equip(device, bundle.manifest.format, progress)
        staged = _stage(device, bundle, environment, progress)
        progress("check golden outputs", 0, 1)
        golden = check_on(device, staged.program, staged.bundle, shown=str(path))
        progress("check golden outputs", 1, 1)
        switched = device.session.call("switch", {"name": name, "keep": keep}, timeout_s=INSTALL_S)
        service, warnings = _serve(device, name, service_port, progress)
        return Deployment(
            device=device.address,
            name=name,
            number=str(switched["number"]),
            digest=bundle.digest,
            sent_bytes=staged.sent_bytes,
            golden=golden,
            bundle=str(switched["bundle"]),
            service=service,
            warnings=warnings,
        )


def check_on(device: RemoteDevice, program: Sequence[str], bundle: str, shown: str = "") -> GoldenCheck:
    """Check the golden outputs of a bundle that lies on the device.

    Args:
        device: Where.
        program: The command of the agent there.
        bundle: The bundle's path there.
        shown: What to call it to the user; its path there by default.

    Raises:
        ModelError: The interpreter refuses the model, dies of it, or does not come back in time.
        DeviceError: The outputs differ, or the device fails.
    """
    completed = device.run((*program, "check", "--json", bundle), timeout_s=CHECK_S)
    if completed.status != 0:
        raise agent_error(device.address, completed, bundle, shown or bundle)
    try:
        tree = json.loads(completed.stdout)
        return decode(GoldenCheck, {key: value for key, value in tree.items() if key not in HEADER})
    except (FormatError, ValueError, AttributeError) as error:
        raise DeviceError(f"{device.address}: the agent's answer cannot be read: {error}.") from error


def list_releases(device: RemoteDevice) -> tuple[Release, ...]:
    """Every release on a device, verified there.

    Raises:
        DeviceError: The device fails.
    """
    return tuple(_release(told) for told in device.session.call("releases", timeout_s=INSTALL_S)["releases"])


def roll_back(device: RemoteDevice, name: str | None = None) -> Rollback:
    """Go back to the release before the current one.

    Args:
        device: Where.
        name: The bundle's name; may be left out where one bundle alone is deployed.

    Raises:
        UserError: It must be named.
        DeviceError: There is no earlier release, or it was changed.
    """
    name = name or _only(device)
    device.session.call("lock")
    number = device.session.call("rollback", {"name": name}, timeout_s=INSTALL_S)["number"]
    warnings = _refresh(device, name)
    releases = list_releases(device)
    return Rollback(next(each for each in releases if (each.name, each.number) == (name, number)), warnings)


def remove_releases(device: RemoteDevice, name: str | None = None) -> Removal:
    """Remove every release of a bundle, and its service.

    Raises:
        UserError: It must be named.
        DeviceError: There is none.
    """
    name = name or _only(device)
    device.session.call("lock")
    told = device.session.call("service", {"name": name, "do": "remove"}, timeout_s=SERVICE_S)
    device.session.call("remove", {"name": name}, timeout_s=INSTALL_S)
    return Removal(name, tuple(map(str, told["warnings"])))


class _Staged(NamedTuple):
    """A release that lies on the device beside the others: paths there, and what was sent for it."""

    program: tuple[str, str]
    bundle: str
    sent_bytes: int


def _stage(device: RemoteDevice, bundle: Bundle, environment: str, progress: Progress) -> _Staged:
    """Send a bundle with the runtime, and have the device lay it out, verified."""
    files = _bundle_files(bundle)
    with tempfile.TemporaryDirectory(prefix="edgekit-deploy-") as folder:
        runtime = sendable(build_runtime(Path(folder) / RUNTIME_FILE))
        sent = send_files(device.session, {**files, RUNTIME_FILE: runtime}, "send the bundle", progress)
    asked = {
        "name": bundle.manifest.name,
        "files": checksums(files),
        "runtime": runtime.sha256,
        "environment": environment,
        "told": _told(bundle),
    }
    staged = device.session.call("stage", asked, timeout_s=INSTALL_S)
    return _Staged((str(staged["python"]), str(staged["runtime"])), str(staged["bundle"]), sent)


def _serve(
    device: RemoteDevice, name: str, port: int | None, progress: Progress
) -> tuple[ServiceUnit | None, tuple[str, ...]]:
    """Install the service where a port is given; else have the one that may be there serve the current release."""
    if port is None:
        return None, _refresh(device, name)
    progress("start the service", 0, 1)
    asked = {"name": name, "do": "install", "port": port}
    told = device.session.call("service", asked, timeout_s=SERVICE_S)
    progress("start the service", 1, 1)
    unit = ServiceUnit(
        unit=str(told["unit"]),
        url=str(told["url"]),
        starts_at_boot=bool(told["starts_at_boot"]),
        left_running=bool(told["left_running"]),
    )
    return unit, tuple(map(str, told["warnings"]))


def _refresh(device: RemoteDevice, name: str) -> tuple[str, ...]:
    """The switch is done: what its service says to that is no failure of it."""
    try:
        device.session.call("service", {"name": name, "do": "refresh"}, timeout_s=SERVICE_S)
    except DeviceError as error:
        return (f"the release is current, but its service does not serve it: {error}",)
    return ()


def _only(device: RemoteDevice) -> str:
    names = sorted({release.name for release in list_releases(device)})
    if len(names) == 1:
        return names[0]
    if not names:
        raise UserError(f"{device.address}: nothing is deployed there.", hint="Deploy a bundle first.")
    raise UserError(f"{device.address}: several bundles are deployed there; name one of: {', '.join(names)}.")


def _bundle_files(bundle: Bundle) -> dict[str, Sendable]:
    entries = bundle.manifest.files
    files = {entry.path: Sendable(bundle.folder / entry.path, entry.sha256, entry.size_bytes) for entry in entries}
    return {**files, MANIFEST_FILE: sendable(bundle.folder / MANIFEST_FILE)}


def _told(bundle: Bundle) -> dict[str, str]:
    manifest = bundle.manifest
    return {
        "digest": bundle.digest,
        "format": manifest.format,
        "scheme": manifest.scheme,
        "edgekit": version("edgekit"),
    }


def _release(told: dict[str, Any]) -> Release:
    record = {key: str(told["told"].get(key, "")) for key in ("digest", "format", "scheme", "edgekit")}
    return Release(
        name=str(told["name"]),
        number=str(told["number"]),
        current=bool(told["current"]),
        changed=tuple(map(str, told["changed"])),
        **record,
    )
