"""The words of the policy engine as numbers: kinds, roles, reactions, flags of actions, marks of edges.

Plain integers, because actions and edges are tested for them millions of times; each group is in the order in which
its members compare.
"""

from __future__ import annotations

# Kinds of resources, in the order in which colocations prefer them
PRIMITIVE, GROUP, CLONE, BUNDLE = 0, 1, 2, 3
KIND_NAMES = ("primitive", "group", "clone", "bundle")

# Roles, in order
UNKNOWN, STOPPED, STARTED, UNPROMOTED, PROMOTED = 0, 1, 2, 3, 4
ROLE_NAMES = ("Unknown", "Stopped", "Started", "Unpromoted", "Promoted")

# What a start needs
NEEDS_NOTHING, NEEDS_QUORUM, NEEDS_FENCING, NEEDS_UNFENCING = 0, 1, 2, 3

# What to do with a resource that is active more than once
STOP_START, STOP_ONLY, MULTIPLE_BLOCK, STOP_UNEXPECTED = 0, 1, 2, 3

# What to do about a failure, mildest first
(
    IGNORE,
    DEMOTE,
    RESTART,
    RESET_REMOTE,
    RESTART_CONTAINER,
    BAN,
    BLOCK,
    STOP,
    STANDBY,
    FENCE,
) = range(10)

# Probe modes of an entry
PROBE_ALWAYS, PROBE_NEVER, PROBE_EXCLUSIVE = 0, 1, 2

# Flags of an action
OPTIONAL, RUNNABLE, PSEUDO, MIGRATABLE, ALWAYS_IN_GRAPH = 1, 2, 4, 8, 16
ON_DC, RESCHEDULE, MIGRATION_ABORT, IN_GRAPH = 32, 64, 128, 256

# Marks of an edge
ORDERED = 1 << 0
THEN_IMPLIES_FIRST = 1 << 1
FIRST_IMPLIES_THEN = 1 << 2
PROMOTED_THEN_IMPLIES_FIRST = 1 << 3
UNMIGRATABLE_THEN_BLOCKS = 1 << 4
UNRUNNABLE_FIRST_BLOCKS = 1 << 5
FIRST_ELSE_THEN = 1 << 6
FIRST_IMPLIES_SAME_NODE_THEN = 1 << 7
NESTED_REMOTE_PROBE = 1 << 8
INTERMEDIATE_STOP = 1 << 9
IF_FIRST_UNMIGRATABLE = 1 << 10
SERIALIZE = 1 << 11
IF_ON_SAME_NODE = 1 << 12
THEN_IMPLIES_FIRST_GRAPHED = 1 << 13
FIRST_IMPLIES_THEN_GRAPHED = 1 << 14
ASYMMETRIC = 1 << 15
IF_ON_SAME_NODE_OR_TARGET = 1 << 16
IF_REQUIRED_ON_SAME_NODE = 1 << 17
MIN_RUNNABLE = 1 << 18
GUEST_ALLOWED = 1 << 19
THEN_CANCELS_FIRST = 1 << 20

ABSENT = -(1 << 50)
"""Stands in a table for a node that has no entry."""
