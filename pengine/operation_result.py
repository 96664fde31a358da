"""What one recorded operation says: whether it succeeded, and what follows for the resource.

Source: Pacemaker Explained, "OCF return codes" and "on-fail"; design page 0010, "History".
"""

from __future__ import annotations

from cib.values import milliseconds_to_seconds
from pengine.actions import can_fence, fence_action, order_actions, request_task
from pengine.digest_check import MATCH, UNKNOWN_DIGEST, compare_digests, has_floating_address
from pengine.failcounts import clear_failcount, expected_rc, failcount
from pengine.ledger import ban, ban_everywhere, fresh_banned_table
from pengine.migration_history import (
    read_failed_migrate_from,
    read_failed_migrate_to,
    read_migrate_to,
)
from pengine.operations import find_operation, on_fail, operation_meta, role_after_failure
from pengine.relations import (
    FailedOperation,
)
from pengine.state import HistoryEntry, ResourceHistory
from pengine.vocabulary import (
    BAN,
    BLOCK,
    BUNDLE,
    DEMOTE,
    FIRST_IMPLIES_THEN,
    IGNORE,
    PROMOTED,
    RESET_REMOTE,
    RESTART,
    RESTART_CONTAINER,
    STARTED,
    STOPPED,
    UNKNOWN,
    UNPROMOTED,
)
from pengine.working import (
    Cluster,
    Node,
    Resource,
)

# How an operation ended, as the executor says it
PENDING, DONE, CANCELLED, TIMED_OUT, NOT_SUPPORTED, ERROR = -1, 0, 1, 2, 3, 4
ERROR_HARD, ERROR_FATAL, NOT_INSTALLED, NOT_CONNECTED, INVALID = 5, 6, 7, 8, 9
NO_FENCE_DEVICE, NO_SECRETS = 10, 11

# What the agent said
RC_OK, RC_INVALID, RC_UNIMPLEMENTED, RC_NO_RIGHTS, RC_NOT_INSTALLED, RC_NOT_CONFIGURED = 0, 2, 3, 4, 5, 6
RC_NOT_RUNNING, RC_PROMOTED, RC_FAILED_PROMOTED, RC_DEGRADED, RC_DEGRADED_PROMOTED = 7, 8, 9, 190, 191

_RELEVANT = frozenset({"monitor", "asyncmon", "start", "stop", "promote", "demote", "migrate_to", "migrate_from"})
_CLEARED_BY_SUCCESS = frozenset({IGNORE, BLOCK, DEMOTE, RESTART, RESTART_CONTAINER})
_NEVER_EXPIRED_RESULTS = frozenset({RC_OK, RC_NOT_RUNNING, RC_PROMOTED, RC_DEGRADED, RC_DEGRADED_PROMOTED})


def is_masked_probe_failure(entry: HistoryEntry) -> bool:
    """Say whether a probe failed because the software is missing, which means "not running here"."""
    if entry.task != "monitor" or entry.interval_ms:
        return False
    return entry.rc in (RC_NOT_INSTALLED, RC_INVALID) or entry.status == NOT_INSTALLED


class OperationReader:
    """Reads the operations of one resource on one node in order; keeps what they add up to."""

    __slots__ = ("cluster", "expected", "history", "last_failure", "node", "rc", "reaction", "resource", "status")

    def __init__(self, cluster: Cluster, resource: Resource, node: Node, history: ResourceHistory) -> None:
        self.cluster = cluster
        self.resource = resource
        self.node = node
        self.history = history
        self.reaction = IGNORE
        """The worst consequence of failures that no later success has cleared."""
        self.last_failure: HistoryEntry | None = None
        self.rc = 0
        self.status = DONE
        self.expected = -1

    def read(self, entry: HistoryEntry) -> None:
        """Take in the next operation."""
        if entry.task not in _RELEVANT or entry.rc is None or not 0 <= entry.rc <= 255:
            return
        if entry.status is None or not PENDING <= entry.status <= NO_SECRETS or entry.status == CANCELLED:
            return
        self.rc, self.status, self.expected = entry.rc, entry.status, expected_rc(entry)
        masked = is_masked_probe_failure(entry) and not _in_bundle(self.resource)
        expired = self._is_expired(entry)
        self._remap(entry, masked, expired)
        if expired and self._is_void_by_age(entry, masked):
            return
        if masked:
            self._succeed(entry, self.rc, masked)
            self._record(entry)
            ban(self.cluster, self._banned_with(), self.node, "masked-probe-failure", entry.id)
            return
        if self.status == PENDING:
            self._read_pending(entry)
        elif self.status == DONE:
            self._succeed(entry, self.rc, False)
        else:
            self._fail(entry)

    def _banned_with(self) -> Resource:
        """Return what a hard failure bans: all instances of an anonymous clone fail alike."""
        return self.resource if self.resource.unique else self.resource.top()

    def _record(self, entry: HistoryEntry) -> None:
        if not self.node.online:  # what happened there is over, whatever it was
            return
        failed = FailedOperation(self.resource.id, self.node, entry)
        self.cluster.failed_operations.append(failed)

    def _set_active(self) -> None:
        self.resource.orig_role = UNPROMOTED if self.resource.top().promotable else STARTED

    # Age

    def _is_expired(self, entry: HistoryEntry) -> bool:
        cluster, resource, node = self.cluster, self.resource, self.node
        timeout_s = milliseconds_to_seconds(resource.failure_timeout_ms)
        expired = False
        reason: str | None = None
        is_last_failure = entry.id.endswith("_last_failure_0")
        if resource.failure_timeout_ms > 0 and entry.last_change is not None and entry.status != NOT_INSTALLED:
            expired = cluster.now >= entry.last_change + timeout_s and not (
                entry.interval_ms
                and resource.reconnect_interval_ms
                and cluster.options.fencing_enabled
                and not _remote_was_fenced(cluster, resource)
            )
            counted = failcount(cluster, resource, node, effective=False)
            if resource.failure_timeout_ms == 0:
                expired = False  # a failure with on-fail="block" never expires
            elif counted.count > 0:
                left = failcount(cluster, resource, node, effective=True)
                if expired:
                    if left.count == 0:
                        reason = "it expired"
                    else:
                        expired = False
                elif left.last > 0:
                    cluster.context.note_recheck(left.last + timeout_s + 1)
            elif expired and is_last_failure and resource.reconnect_interval_ms:
                reason = "reconnect interval is set"
        unexplained = reason is None and not expired and is_last_failure
        if (
            unexplained
            and entry.task in ("start", "monitor")
            and not has_floating_address(cluster, resource)
            and compare_digests(cluster, resource, entry, node) not in (MATCH, UNKNOWN_DIGEST)
        ):
            reason = "resource parameters have changed"
        if reason is not None:
            self._clear_failcount(reason)
        if expired and entry.interval_ms == 0 and entry.task == "monitor" and entry.rc in _NEVER_EXPIRED_RESULTS:
            return False
        return expired

    def _clear_failcount(self, reason: str) -> None:
        action = clear_failcount(self.cluster, self.resource, self.node, reason)
        if self.cluster.options.fencing_enabled and self.resource.reconnect_interval_ms:
            remote = self.cluster.node_by_id.get(self.resource.id.lower())
            if remote is not None:
                fencing = fence_action(self.cluster, remote, None, True, None)
                order_actions(fencing, action, FIRST_IMPLIES_THEN)

    def _is_void_by_age(self, entry: HistoryEntry, masked: bool) -> bool:
        """Deal with an expired result; True where nothing more is to be learned from it."""
        if masked and entry.rc != self.expected:  # what the agent said, not what is made of it: it is probed again
            if self.resource.orig_role <= STOPPED:
                self.resource.orig_role = UNKNOWN
            return True
        if self.rc == self.expected:
            return False
        if entry.interval_ms == 0:
            return True
        if self.node.online and not self.node.unclean:
            self.node.expired_entries[(self.resource.id, entry.id)] = True
            return True
        return False

    # Meaning

    def _remap(self, entry: HistoryEntry, masked: bool, expired: bool) -> None:
        resource = self.resource
        probe = entry.task == "monitor" and entry.interval_ms == 0
        if self.rc in (RC_DEGRADED, RC_DEGRADED_PROMOTED):
            if not expired and not (self.node.shutdown and not self.node.online):
                self._record(entry)
            self.rc = RC_OK if self.rc == RC_DEGRADED else RC_PROMOTED
        if masked:
            self.status, self.rc = DONE, RC_NOT_RUNNING
        if self.status in (NO_FENCE_DEVICE, NO_SECRETS):
            self.status = ERROR_HARD
        if self.status not in (DONE, ERROR):
            return
        if self.expected < 0:
            self.status = ERROR
        else:
            self.status = DONE if self.rc == self.expected else ERROR
        if self.rc == RC_OK:
            if probe and self.expected == RC_NOT_RUNNING:
                self.status = DONE
        elif self.rc == RC_NOT_RUNNING:
            if probe or self.expected == RC_NOT_RUNNING or not resource.managed:
                self.status = DONE
                resource.orig_role = STOPPED
                self.reaction = IGNORE
                resource.next_role = UNKNOWN
        elif self.rc == RC_PROMOTED:
            if probe and self.rc != self.expected:
                self.status = DONE
            if not expired or self.rc == self.expected:
                resource.orig_role = PROMOTED
        elif self.rc == RC_FAILED_PROMOTED:
            if not expired or self.rc == self.expected:
                resource.orig_role = PROMOTED
            self.status = ERROR
        elif self.rc == RC_NOT_CONFIGURED:
            self.status = ERROR_FATAL
        elif self.rc == RC_UNIMPLEMENTED:
            if entry.interval_ms:
                self.status = NOT_SUPPORTED
            else:
                self._hard_error(entry, expired)
        elif self.rc in (RC_NOT_INSTALLED, RC_INVALID, RC_NO_RIGHTS):
            self._hard_error(entry, expired)
        elif self.status == DONE:
            self.status = ERROR

    def _hard_error(self, entry: HistoryEntry, expired: bool) -> None:
        if entry.task == "stop" and not can_fence(self.cluster, self.node) and not expired:
            self.resource.managed = False
            self.resource.blocked = True
        self.status = ERROR_HARD

    def _read_pending(self, entry: HistoryEntry) -> None:
        resource = self.resource
        failure = self.last_failure
        if (
            failure is not None
            and failure.task == entry.task
            and failure.interval_ms == entry.interval_ms
            and failure.last_change is not None
            and (entry.last_change is None or failure.last_change >= entry.last_change)
        ):
            return
        if entry.task == "start":
            resource.start_pending = True
            self._set_active()
        elif entry.task == "promote":
            resource.orig_role = PROMOTED
        elif entry.task == "migrate_to" and self.node.unclean:
            target = self.cluster.node_by_name.get((entry.migrate_target or "").lower())
            if target is not None:
                request_task(self.cluster, resource, "stop", target, False)
        if resource.pending_task is None and not (entry.task == "monitor" and entry.interval_ms == 0):
            resource.pending_task = entry.task
            resource.pending_node = self.node

    def _succeed(self, entry: HistoryEntry, rc: int, masked: bool) -> None:
        """Take an operation for one that ended with `rc` and did what it should."""
        resource = self.resource
        clears = False
        if rc == RC_NOT_INSTALLED or masked:
            resource.orig_role = STOPPED
        elif rc == RC_NOT_RUNNING:
            clears = True
        elif entry.task == "monitor":
            clears = self.last_failure is not None and self.last_failure.key == entry.key
            if resource.orig_role < STARTED:
                self._set_active()
        elif entry.task in ("start", "migrate_from"):
            resource.orig_role = STARTED
            clears = True
        elif entry.task == "stop":
            resource.orig_role = STOPPED
            clears = True
        elif entry.task == "promote":
            resource.orig_role = PROMOTED
            clears = True
        elif entry.task == "demote":
            clears = self.reaction == DEMOTE
            resource.orig_role = UNPROMOTED
        elif entry.task == "migrate_to":
            read_migrate_to(self.cluster, resource, self.node, entry)
        elif resource.orig_role < STARTED:
            self._set_active()
        if clears:
            self._clear_past_failure()

    def _clear_past_failure(self) -> None:
        if self.reaction in _CLEARED_BY_SUCCESS or (
            self.reaction == RESET_REMOTE and not self.resource.reconnect_interval_ms
        ):
            self.reaction = IGNORE
            self.resource.next_role = UNKNOWN

    # Failures

    def _fail(self, entry: HistoryEntry) -> None:
        cluster, resource = self.cluster, self.resource
        if self.status == NOT_CONNECTED:
            connection = self.node.connection
            if self.node.is_remote_kind and connection is not None and connection.managed:
                connection.failed = True
                connection.stop_if_failed = True
        operation = find_operation(resource, entry.task, entry.interval_ms, True)
        meta = operation_meta(cluster, resource, entry.task, entry.interval_ms, operation, self.node)
        reaction = on_fail(cluster, resource, entry.task, entry.interval_ms, meta.get("on-fail"))
        fail_role = role_after_failure(resource, entry.task, reaction)
        if self.status == NOT_INSTALLED:
            reaction = BAN if reaction == IGNORE else reaction
            self._take_failure(entry, reaction, fail_role)
            ban(cluster, self._banned_with(), self.node, "not-installed", entry.id)
            return
        if reaction == IGNORE or (reaction == RESTART_CONTAINER and entry.task == "stop"):
            self._succeed(entry, self.expected, False)
            resource.failure_ignored = True
            self._record(entry)
            if reaction == RESTART_CONTAINER and self.reaction <= RESTART:
                self.reaction = reaction
            return
        self._take_failure(entry, reaction, fail_role)
        if self.status == ERROR_HARD:
            ban(cluster, self._banned_with(), self.node, "hard-error", entry.id)
        elif self.status == ERROR_FATAL:
            ban_everywhere(cluster, self._banned_with(), "fatal-error", entry.id)

    def _take_failure(self, entry: HistoryEntry, reaction: int, fail_role: int) -> None:
        cluster, resource, node = self.cluster, self.resource, self.node
        self.last_failure = entry
        if self.rc != RC_NOT_INSTALLED or cluster.options.symmetric:
            self._record(entry)
        self.reaction = max(self.reaction, reaction)
        probe = entry.task == "monitor" and entry.interval_ms == 0
        if entry.task == "stop":
            ban(cluster, resource, node, "stop-failure", entry.id)
        elif entry.task == "migrate_from":
            read_failed_migrate_from(cluster, resource, node, entry)
        elif entry.task == "migrate_to":
            read_failed_migrate_to(cluster, resource, node, entry)
        elif entry.task == "promote":
            resource.orig_role = PROMOTED
        elif entry.task == "demote":
            if reaction == BLOCK:
                resource.orig_role = PROMOTED
                resource.next_role = STOPPED
            elif self.rc == RC_NOT_RUNNING:
                resource.orig_role = STOPPED
            else:
                resource.orig_role = UNPROMOTED
        if probe and self.rc == RC_NOT_INSTALLED:
            resource.orig_role = STOPPED
        elif resource.orig_role < STARTED:
            self._set_active()
        if fail_role != STARTED and resource.next_role < fail_role:
            resource.next_role = fail_role
        if fail_role == STOPPED:
            fresh_banned_table(cluster, self._banned_with(), "on-fail", entry.id)


def _in_bundle(resource: Resource) -> bool:
    top: Resource | None = resource
    while top is not None:
        if top.kind == BUNDLE:
            return True
        top = top.parent
    return False


def _remote_was_fenced(cluster: Cluster, connection: Resource) -> bool:
    node = cluster.node_by_id.get(connection.id.lower())
    if node is None:
        return False
    value = node.status_attributes.get("node_fenced")
    return value is not None and value != "0"
