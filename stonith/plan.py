"""The steps that fence a target: alternatives in order, each a sequence that has to succeed as a whole."""

from collections.abc import Mapping

import msgspec

from stonith.device import Device, FenceAction, Level
from stonith.metadata import Metadata


class Step(msgspec.Struct, frozen=True):
    """One action on one device. Where it may fail, the node is down already and only stays off."""

    device: Device
    action: FenceAction
    may_fail: bool = False


Alternative = tuple[Step, ...]


def alternatives(
    target: str,
    action: FenceAction,
    usable: list[Device],
    levels: tuple[Level, ...],
    metadata: Mapping[str, Metadata],
) -> list[Alternative]:
    """All ways to do `action` to `target`, the one to be tried first at the front.

    `usable` are the devices that can fence the target, in the document's order; `metadata` is by agent. Where levels
    name the target, only they count: each one is an alternative, by index, and one that names a device that is not
    usable is left out. Otherwise each device is an alternative, by priority, then in the document's order.
    """
    by_id = {device.id: device for device in usable}
    mine = sorted((level for level in levels if level.target == target), key=lambda level: level.index)
    if mine:
        sets = [[by_id[name] for name in level.devices] for level in mine if all(n in by_id for n in level.devices)]
    else:
        sets = [[device] for device in sorted(usable, key=lambda device: -device.priority)]
    return [_sequence(devices, action, metadata) for devices in sets if devices]


def _sequence(devices: list[Device], action: FenceAction, metadata: Mapping[str, Metadata]) -> Alternative:
    """The steps for devices that all have to act.

    A reboot with several devices is off with all, then on with all: rebooting one power supply after the other would
    leave the node running all the time. A device that can't reboot is switched off and on again.
    """
    if action != "reboot" or (len(devices) == 1 and _can_reboot(devices[0], metadata)):
        return tuple(Step(device, action) for device in devices)
    off = tuple(Step(device, "off") for device in devices)
    on = tuple(
        Step(device, "on", may_fail=True)
        for device in devices
        if metadata[device.agent].supports("on") or "pcmk_on_action" in device.parameters
    )
    return off + on


def _can_reboot(device: Device, metadata: Mapping[str, Metadata]) -> bool:
    return metadata[device.agent].supports("reboot") or "pcmk_reboot_action" in device.parameters
