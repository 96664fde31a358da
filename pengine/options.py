"""The cluster options that the policy engine obeys.

Source: Pacemaker Explained, "Cluster options". Old spellings (stonith-enabled, ...) count where the new
one is not set; a value that is not valid is replaced by the default.
"""

from __future__ import annotations

from collections.abc import Mapping

from cib.values import MINUS_INFINITY, boolean_or, interval_ms_or, leading_integer, milliseconds_to_seconds, score_or

_OLD_NAMES = {
    "fencing-enabled": "stonith-enabled",
    "fencing-action": "stonith-action",
    "fencing-timeout": "stonith-timeout",
    "stop-removed-resources": "stop-orphan-resources",
    "cancel-removed-actions": "stop-orphan-actions",
}
QUORUM_POLICIES = frozenset({"stop", "freeze", "ignore", "demote", "fence", "suicide"})
STRATEGIES = frozenset({"default", "utilization", "minimal", "balanced"})
HEALTH_STRATEGIES = frozenset({"none", "migrate-on-red", "only-green", "progressive", "custom"})
_DEFAULT_CLUSTER_DELAY = "60s"


class Options:
    """Cluster options with their defaults; durations say their unit."""

    __slots__ = (
        "batch_limit",
        "cancel_removed_actions",
        "cluster_delay",
        "cluster_name",
        "concurrent_fencing",
        "enable_startup_probes",
        "fence_remote_without_quorum",
        "fencing_action",
        "fencing_enabled",
        "fencing_timeout",
        "have_watchdog",
        "health_base",
        "health_green",
        "health_red",
        "health_strategy",
        "health_yellow",
        "maintenance_mode",
        "migration_limit",
        "no_quorum_policy",
        "pending_timeout_s",
        "placement_strategy",
        "priority_fencing_delay_s",
        "remove_after_stop",
        "shutdown_lock",
        "shutdown_lock_limit_s",
        "start_failure_is_fatal",
        "startup_fencing",
        "stop_all_resources",
        "stop_removed_resources",
        "symmetric",
    )

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        table = values if values is not None else {}

        def text(name: str) -> str | None:
            value = table.get(name)
            return value if value is not None else table.get(_OLD_NAMES.get(name, ""))

        def flag(name: str, default: bool) -> bool:
            return boolean_or(text(name), default)

        def choice(name: str, allowed: frozenset[str], default: str) -> str:
            value = (text(name) or default).lower()
            return value if value in allowed else default

        self.no_quorum_policy = choice("no-quorum-policy", QUORUM_POLICIES, "stop")
        self.symmetric = flag("symmetric-cluster", True)
        self.fencing_enabled = flag("fencing-enabled", True)
        self.startup_fencing = self.fencing_enabled and flag("startup-fencing", True)
        self.fencing_action = choice("fencing-action", frozenset({"reboot", "off", "poweroff"}), "reboot")
        if self.fencing_action == "poweroff":
            self.fencing_action = "off"
        self.fencing_timeout = _duration(text("fencing-timeout"), "60s")
        self.concurrent_fencing = flag("concurrent-fencing", True)
        self.have_watchdog = flag("have-watchdog", False)
        self.fence_remote_without_quorum = flag("fence-remote-without-quorum", False)
        self.priority_fencing_delay_s = milliseconds_to_seconds(interval_ms_or(text("priority-fencing-delay")))
        self.pending_timeout_s = milliseconds_to_seconds(interval_ms_or(text("node-pending-timeout")))
        self.stop_all_resources = flag("stop-all-resources", False)
        self.stop_removed_resources = flag("stop-removed-resources", True)
        self.cancel_removed_actions = flag("cancel-removed-actions", True)
        self.remove_after_stop = flag("remove-after-stop", False)
        self.maintenance_mode = flag("maintenance-mode", False)
        self.start_failure_is_fatal = flag("start-failure-is-fatal", True)
        self.enable_startup_probes = flag("enable-startup-probes", True)
        self.placement_strategy = choice("placement-strategy", STRATEGIES, "default")
        self.shutdown_lock = flag("shutdown-lock", False)
        self.shutdown_lock_limit_s = milliseconds_to_seconds(interval_ms_or(text("shutdown-lock-limit")))
        self.cluster_name = text("cluster-name")
        self.cluster_delay = _duration(text("cluster-delay"), _DEFAULT_CLUSTER_DELAY)
        self.batch_limit = max(0, leading_integer(text("batch-limit")) or 0)
        migration_limit = leading_integer(text("migration-limit"))
        self.migration_limit = -1 if migration_limit is None else migration_limit
        self.health_strategy = choice("node-health-strategy", HEALTH_STRATEGIES, "none")
        self.health_base = score_or(text("node-health-base"))
        self.health_green = score_or(text("node-health-green"))
        self.health_yellow = score_or(text("node-health-yellow"))
        self.health_red = score_or(text("node-health-red"), MINUS_INFINITY)


def _duration(text: str | None, default: str) -> str:
    """Return the text of a duration as configured where it is one."""
    if text is None or interval_ms_or(text, -1) < 0:
        return default
    return text
