"""Digests of operation parameters, by which a change of a resource's definition is noticed.

The controller writes them into the operation history; the policy engine compares them with what the
present configuration gives. Both go through this module, so that they agree, also with documents that
Pacemaker wrote.

Source: Pacemaker's operation digests (feature set 3.x, MD5 of a canonical `parameters` element).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from hashlib import md5

from cib.values import compare_versions

FEATURE_SET = "3.20.5"
"""The Pacemaker feature set whose meaning of the document is implemented."""

SECURE_DIGEST_SINCE = "3.16.0"
"""First feature set in which secure digests cover the same names as full ones."""

_NEVER_HASHED = frozenset({"id", "crm_feature_set", "op-digest", "on_node", "on_node_uuid", "pcmk_external_ip"})
_META_PREFIX = "CRM_meta_"
_TIMEOUT = "CRM_meta_timeout"
_FENCING_FRAMEWORK = frozenset(
    {
        "provides",
        "stonith-timeout",
        "pcmk_action_limit",
        "pcmk_delay_base",
        "pcmk_delay_max",
        "pcmk_host_argument",
        "pcmk_host_check",
        "pcmk_host_list",
        "pcmk_host_map",
    }
)
DEFAULT_SECRETS = ("passwd", "password", "user")
"""Parameters that count as secret where an agent's metadata is not known."""


def filter_parameters(attributes: Mapping[str, str], interval_ms: int) -> dict[str, str]:
    """Return the attributes of an action that count for its digest.

    Meta-attributes do not, but the timeout of a recurring operation does.
    """
    kept: dict[str, str] = {}
    for name, value in attributes.items():
        if name in _NEVER_HASHED:
            continue
        if name.startswith(_META_PREFIX) and not (interval_ms and name == _TIMEOUT):
            continue
        kept[name] = value
    return kept


def digest_parameters(parameters: Mapping[str, str]) -> str:
    """Return the digest of the parameters, whatever their order."""
    parts = [" <parameters"]
    parts.extend(f' {name}="{_escape(parameters[name])}"' for name in sorted(parameters))
    parts.append("/>\n")
    return md5("".join(parts).encode(), usedforsecurity=False).hexdigest()


def operation_digest(attributes: Mapping[str, str], interval_ms: int) -> str:
    """Return `op-digest`: of all parameters that an operation was given."""
    return digest_parameters(filter_parameters(attributes, interval_ms))


def restart_digest(attributes: Mapping[str, str], interval_ms: int, names: Collection[str] | None) -> str:
    """Return `op-restart-digest`: only of the parameters that need a restart when they change.

    `names` are those of `op-force-restart`; None stands for all.
    """
    parameters = filter_parameters(attributes, interval_ms)
    if names is not None:
        parameters = {name: value for name, value in parameters.items() if name in names}
    return digest_parameters(parameters)


def secure_digest(
    attributes: Mapping[str, str],
    interval_ms: int,
    secrets: Collection[str],
    *,
    feature_set: str = FEATURE_SET,
    fence_device: bool = False,
) -> str:
    """Return `op-secure-digest`: of the parameters that are not secret."""
    parameters = filter_parameters(attributes, interval_ms)
    old_rules = compare_versions(feature_set, SECURE_DIGEST_SINCE) < 0
    kept = {
        name: value
        for name, value in parameters.items()
        if name not in secrets
        and not (old_rules and (name == _TIMEOUT or (fence_device and _is_fencing_framework(name))))
    }
    return digest_parameters(kept)


def _is_fencing_framework(name: str) -> bool:
    if name in _FENCING_FRAMEWORK:
        return True
    return name.startswith("pcmk_") and name.endswith(("_action", "_timeout", "_retries"))


def _escape(value: str) -> str:
    parts: list[str] = []
    for character in value:
        if character == "<":
            parts.append("&lt;")
        elif character == ">":
            parts.append("&gt;")
        elif character == "&":
            parts.append("&amp;")
        elif character == '"':
            parts.append("&quot;")
        elif character < " " or character == "\x7f":
            parts.append(f"&#x{ord(character):02X};")
        else:
            parts.append(character)
    return "".join(parts)
