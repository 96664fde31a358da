"""The version of a CIB: admin_epoch, epoch and num_updates, compared in this order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class ConfigurationVersion(NamedTuple):
    """The part of a version that counts changes of the configuration only."""

    admin_epoch: int
    epoch: int

    def __str__(self) -> str:
        return f"{self.admin_epoch}.{self.epoch}"


class CibVersion(NamedTuple):
    """A version triple; a later document compares greater.

    Source: Pacemaker Explained, "CIB properties".
    """

    admin_epoch: int
    epoch: int
    num_updates: int

    @classmethod
    def of(cls, attributes: Mapping[str, str]) -> CibVersion:
        """Read the triple from the attributes of a `cib` element; what is missing or no number counts 0."""
        return cls(*(_number(attributes.get(name)) for name in VERSION_ATTRIBUTES))

    @property
    def configuration(self) -> ConfigurationVersion:
        """The version without the count of status changes."""
        return ConfigurationVersion(self.admin_epoch, self.epoch)

    def __str__(self) -> str:
        return f"{self.admin_epoch}.{self.epoch}.{self.num_updates}"


VERSION_ATTRIBUTES = ("admin_epoch", "epoch", "num_updates")
"""Names of the attributes of `cib` that hold the triple, most significant first."""

ZERO = CibVersion(0, 0, 0)


def _number(text: str | None) -> int:
    if text is None:
        return 0
    try:
        return max(0, int(text))
    except ValueError:
        return 0
