"""The order in which recorded operations were carried out, and from where on recurring ones are still active.

Source: design page 0010, "History".
"""

from __future__ import annotations

from cib.values import leading_integer
from pengine.merge_sort import merge_sort
from pengine.state import HistoryEntry


def sort_entries(entries: tuple[HistoryEntry, ...]) -> list[HistoryEntry]:
    """Return the entries in the order in which the operations were carried out."""
    if len(entries) < 2:
        return list(entries)
    calls = {entry.call_id for entry in entries}
    if len(calls) == len(entries) == len({entry.id for entry in entries}) and min(calls) >= 0:
        return sorted(entries, key=_call)  # nothing but the number of the call can decide
    return merge_sort(entries[::-1], compare_entries)


def _call(entry: HistoryEntry) -> int:
    return entry.call_id


def compare_entries(left: HistoryEntry, right: HistoryEntry) -> int:
    """Compare two entries of one resource on one node by age; negative: `left` is older."""
    return 0 if left.id == right.id else _compare(left, right, same_node=True)


def compare_across_nodes(left: HistoryEntry, right: HistoryEntry) -> int:
    """Compare two entries of one resource on different nodes, of which the call ids say nothing about each other."""
    return _compare(left, right, same_node=False)


def _compare(left: HistoryEntry, right: HistoryEntry, *, same_node: bool) -> int:
    if left.call_id == -1 and right.call_id == -1:
        return 0
    if left.call_id >= 0 and right.call_id >= 0:
        if same_node and left.call_id != right.call_id:
            return -1 if left.call_id < right.call_id else 1
        return _compare_times(left, right)
    return _compare_by_transition(left, right)


def _compare_times(left: HistoryEntry, right: HistoryEntry) -> int:
    left_time, right_time = left.last_change, right.last_change
    if left_time is None or right_time is None:
        return 0
    return (left_time > right_time) - (left_time < right_time)


def _compare_by_transition(left: HistoryEntry, right: HistoryEntry) -> int:
    """Compare where one operation is pending and so has no call id yet."""
    left_origin, right_origin = _transition(left), _transition(right)
    if left_origin is None or right_origin is None:
        return 0
    left_uuid, left_number = left_origin
    right_uuid, right_number = right_origin
    if left_uuid != right_uuid or left_number == right_number:
        return -1 if right.call_id == -1 else 1
    if left_number == -1 or right_number == -1:
        return 1 if left_number == -1 else -1
    return -1 if left_number < right_number else 1


def _transition(entry: HistoryEntry) -> tuple[str, int] | None:
    """Return (uuid, transition number) of an entry's magic `STATUS:RC;ACTION:TRANSITION:TARGETRC:UUID`."""
    if entry.transition_magic is None:
        return None
    parts = entry.transition_magic.partition(";")[2].split(":", 3)
    if len(parts) < 4:
        return None
    number = leading_integer(parts[1])
    return parts[3], -1 if number is None else number


def active_range(entries: list[HistoryEntry]) -> tuple[int, int]:
    """Return (start index, stop index): from where on recurring operations are active, and the last stop."""
    stop_index = start_index = implied_start = implied_monitor = -1
    for position, entry in enumerate(entries):
        if entry.task == "stop" and entry.status == 0:
            stop_index = position
        elif entry.task in ("start", "migrate_from"):
            start_index = position
        elif implied_monitor <= stop_index and entry.task == "monitor":
            if entry.rc in (0, 8):
                implied_monitor = position
        elif entry.task in ("promote", "demote"):
            implied_start = position
    if start_index == -1:
        if implied_start != -1:
            start_index = implied_start
        elif implied_monitor != -1:
            start_index = implied_monitor
    return start_index, stop_index
