"""A stable merge sort for comparisons that are not always transitive.

Some orders that the rules define are circular for odd inputs; what comes out then depends on the algorithm, and the
results must agree with those of a program that uses this one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


def merge_sort(items: Sequence[_Item], compare: Callable[[_Item, _Item], int]) -> list[_Item]:
    """Return the items in order; of two that compare as equal the earlier one stays first."""
    if len(items) < 2:
        return list(items)
    middle = len(items) // 2
    left = merge_sort(items[:middle], compare)
    right = merge_sort(items[middle:], compare)
    merged: list[_Item] = []
    left_at = right_at = 0
    while left_at < len(left) and right_at < len(right):
        if compare(left[left_at], right[right_at]) <= 0:
            merged.append(left[left_at])
            left_at += 1
        else:
            merged.append(right[right_at])
            right_at += 1
    merged.extend(left[left_at:])
    merged.extend(right[right_at:])
    return merged
