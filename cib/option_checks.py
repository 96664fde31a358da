"""Which cluster options there are, and what is wrong with the value of one.

Source: Pacemaker Explained, "Cluster options"; for what is an error, `crm_verify`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cib.values import ValueFormatError, parse_boolean, parse_interval_ms, parse_score

_BOOLEANS = (
    "cancel-removed-actions", "concurrent-fencing", "enable-acl", "enable-startup-probes", "fencing-enabled",
    "fence-remote-without-quorum", "have-watchdog", "maintenance-mode", "remove-after-stop", "shutdown-lock",
    "start-failure-is-fatal", "startup-fencing", "stonith-enabled", "stop-all-resources", "stop-orphan-actions",
    "stop-orphan-resources", "stop-removed-resources", "symmetric-cluster",
)  # fmt: skip
_DURATIONS = (
    "cluster-delay", "cluster-recheck-interval", "dc-deadtime", "election-timeout", "fencing-timeout",
    "join-finalization-timeout", "join-integration-timeout", "node-pending-timeout", "priority-fencing-delay",
    "shutdown-escalation", "shutdown-lock-limit", "stonith-timeout", "transition-delay",
)  # fmt: skip
_INTEGERS = (
    "batch-limit", "cluster-ipc-limit", "fencing-max-attempts", "migration-limit", "node-action-limit",
    "pe-error-series-max", "pe-input-series-max", "pe-warn-series-max", "stonith-max-attempts",
)  # fmt: skip
_SCORES = ("node-health-base", "node-health-green", "node-health-red", "node-health-yellow")
_WORDS = {
    "fence-reaction": ("stop", "panic"),
    "fencing-action": ("reboot", "off", "poweroff"),
    "fencing-reaction": ("stop", "panic"),
    "no-quorum-policy": ("stop", "freeze", "ignore", "demote", "fence", "suicide"),
    "node-health-strategy": ("none", "migrate-on-red", "only-green", "progressive", "custom"),
    "placement-strategy": ("default", "utilization", "minimal", "balanced"),
    "stonith-action": ("reboot", "off", "poweroff"),
}
_TEXTS = (
    "cluster-infrastructure", "cluster-name", "dc-version", "fencing-watchdog-timeout", "haresources-imported",
    "load-threshold",
    "stonith-watchdog-timeout", "last-lrm-refresh",
)  # fmt: skip
KNOWN_OPTIONS = frozenset({*_BOOLEANS, *_DURATIONS, *_INTEGERS, *_SCORES, *_WORDS, *_TEXTS})
"""All options that the cluster or a known tool reads."""
_OLD_WORD = "poweroff"
"""Still understood as off."""
_PERCENTAGE = re.compile(r"[0-9]+(\.[0-9]+)?%?$")
_INTEGER = re.compile(r"[-+]?[0-9]+$")


def any_of(words: Iterable[str]) -> str:
    """`a, b or c`."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def option_problem(name: str, value: str) -> str:
    """Return what is expected instead of an option's value; empty when it is right, or nothing is known about it."""
    try:
        if name in _BOOLEANS:
            parse_boolean(value)
        elif name in _DURATIONS:
            parse_interval_ms(value)
        elif name in _SCORES:
            parse_score(value)
    except ValueFormatError as error:
        return error.expected
    if name in _WORDS and value.lower() not in _WORDS[name]:
        return any_of(word for word in _WORDS[name] if word != _OLD_WORD)
    if name in _INTEGERS and not _INTEGER.match(value):
        return "a whole number"
    if name == "load-threshold" and not _PERCENTAGE.match(value):
        return "a percentage (such as 80%)"
    return ""
