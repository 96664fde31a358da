"""Cluster properties, meta attributes and operation attributes that are known, with their defaults.

Source: Pacemaker Explained, "Cluster options", "Resource meta-attributes", "Operation properties".
"""

PROPERTY_DEFAULTS = {
    "batch-limit": "0",
    "cluster-delay": "60s",
    "cluster-infrastructure": "",
    "cluster-ipc-limit": "500",
    "cluster-name": "",
    "cluster-recheck-interval": "15min",
    "concurrent-fencing": "true",
    "dc-deadtime": "20s",
    "dc-version": "",
    "election-timeout": "2min",
    "enable-acl": "false",
    "enable-startup-probes": "true",
    "fence-reaction": "stop",
    "have-watchdog": "false",
    "load-threshold": "80%",
    "maintenance-mode": "false",
    "migration-limit": "-1",
    "no-quorum-policy": "stop",
    "node-action-limit": "0",
    "node-health-base": "0",
    "node-health-green": "0",
    "node-health-red": "-INFINITY",
    "node-health-strategy": "none",
    "node-health-yellow": "0",
    "node-pending-timeout": "0",
    "pe-error-series-max": "-1",
    "pe-input-series-max": "4000",
    "pe-warn-series-max": "5000",
    "placement-strategy": "default",
    "priority-fencing-delay": "0",
    "remove-after-stop": "false",
    "shutdown-escalation": "20min",
    "shutdown-lock": "false",
    "shutdown-lock-limit": "0",
    "start-failure-is-fatal": "true",
    "startup-fencing": "true",
    "stonith-action": "reboot",
    "stonith-enabled": "true",
    "stonith-max-attempts": "10",
    "stonith-timeout": "60s",
    "stonith-watchdog-timeout": "0",
    "stop-all-resources": "false",
    "stop-orphan-actions": "true",
    "stop-orphan-resources": "true",
    "symmetric-cluster": "true",
    "transition-delay": "0s",
}

RESOURCE_META = (
    "allow-migrate", "allow-unhealthy-nodes", "container-attribute-target", "critical", "description",
    "failure-timeout", "is-managed", "maintenance", "migration-threshold", "multiple-active", "priority",
    "remote-addr", "remote-connect-timeout", "remote-node", "remote-port", "requires", "resource-stickiness",
    "target-role",
)  # fmt: skip
CLONE_META = ("clone-max", "clone-min", "clone-node-max", "globally-unique", "interleave", "notify", "ordered",
              "promotable", "promoted-max", "promoted-node-max")  # fmt: skip
OPERATION_ATTRIBUTES = ("interval", "timeout", "on-fail", "role", "start-delay", "interval-origin", "enabled",
                        "record-pending")  # fmt: skip
VALUES = {
    "target-role": ("Started", "Stopped", "Promoted", "Unpromoted"),
    "is-managed": ("true", "false"),
    "maintenance": ("true", "false"),
    "multiple-active": ("stop_start", "stop_only", "block", "stop_unexpected"),
    "on-fail": ("restart", "ignore", "block", "stop", "demote", "fence", "standby", "restart-container"),
    "role": ("Started", "Stopped", "Promoted", "Unpromoted"),
    "requires": ("nothing", "quorum", "fencing", "unfencing"),
    "no-quorum-policy": ("stop", "freeze", "ignore", "demote", "suicide"),
    "stonith-action": ("reboot", "off"),
    "placement-strategy": ("default", "utilization", "balanced", "minimal"),
}
"""Values of enumerations."""
