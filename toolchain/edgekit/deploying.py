"""Deploy a bundle to a device, and manage what is deployed there."""

from __future__ import annotations

from pathlib import Path

from edgekit_devices.catalog import open_remote
from edgekit_devices.deployment import (
    KEEP,
    Deployment,
    Release,
    Removal,
    Rollback,
    deploy_bundle,
    list_releases,
    remove_releases,
    roll_back,
)
from edgekit_runtime.progress import Progress, silent


def deploy(
    bundle: Path, *, device: str, keep: int = KEEP, service_port: int | None = None, progress: Progress = silent
) -> Deployment:
    """Bring a bundle and the runtime to a device, check it there, and make it the current release.

    Until the last step, which is one, the release that was current still is: whatever fails, it stays.

    Args:
        bundle: The bundle.
        device: The device's address, such as `ssh://pi@raspberrypi.local`.
        keep: How many releases of the bundle stay on the device.
        service_port: Port at which systemd on the device serves it; `None` for no new service.
        progress: Told how far it is.

    Raises:
        UserError: The bundle or the address is wrong.
        DeviceError: The device failed, has no room, or computes other outputs than the golden ones; or, as the message
            then says, the bundle is deployed, but cannot be served.
    """
    with open_remote(device) as reached:
        return deploy_bundle(reached, bundle, keep=keep, service_port=service_port, progress=progress)


def deployed(device: str) -> tuple[Release, ...]:
    """The releases on a device, verified there.

    Raises:
        DeviceError: The device failed.
    """
    with open_remote(device) as reached:
        return list_releases(reached)


def rollback(device: str, name: str | None = None) -> Rollback:
    """Make the release before the current one current again.

    Raises:
        UserError: Several bundles are deployed, and none was named.
        DeviceError: There is no earlier release, or it was changed on the device.
    """
    with open_remote(device) as reached:
        return roll_back(reached, name)


def remove(device: str, name: str | None = None) -> Removal:
    """Remove every release of a bundle with its service.

    Raises:
        UserError: Several bundles are deployed, and none was named.
        DeviceError: There is none.
    """
    with open_remote(device) as reached:
        return remove_releases(reached, name)
