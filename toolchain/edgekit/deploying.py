"""Deploy a bundle to a device, and manage what is deployed there."""

from __future__ import annotations

from pathlib import Path

from edgekit_devices.catalog import open_remote
from edgekit_devices.deployment import (
    KEEP,
    Deployment,
    Release,
    deploy_bundle,
    list_releases,
    remove_releases,
    roll_back,
    serve_current,
)
from edgekit_runtime.progress import Progress, silent

PORT = 8080


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
        DeviceError: The device failed, has no room, or computes other outputs than the golden ones.
    """
    with open_remote(device) as reached:
        done = deploy_bundle(reached, bundle, keep=keep, progress=progress)
        if service_port is not None:
            serve_current(reached, done.name, service_port)
        return done


def deployed(device: str) -> tuple[Release, ...]:
    """The releases on a device, verified there.

    Raises:
        DeviceError: The device failed.
    """
    with open_remote(device) as reached:
        return list_releases(reached)


def rollback(device: str, name: str | None = None) -> Release:
    """Make the release before the current one current again.

    Raises:
        UserError: Several bundles are deployed, and none was named.
        DeviceError: There is no earlier release, or it was changed on the device.
    """
    with open_remote(device) as reached:
        return roll_back(reached, name)


def remove(device: str, name: str | None = None) -> str:
    """Remove every release of a bundle with its service, and return the bundle's name.

    Raises:
        UserError: Several bundles are deployed, and none was named.
        DeviceError: There is none.
    """
    with open_remote(device) as reached:
        return remove_releases(reached, name)
