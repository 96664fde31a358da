"""Decides about colocations as the installed Pacemaker (Debian 12: 2.1.5) does, to tell what is owed to its age.

Three rules are newer (placement, 11.5 and 12.2): what a chain of colocations weighs is the product of its links, not
the last link alone; what is kept away may, if it has one place left only, be given way to; and mandatory colocations
count before others. With the older rules put in place of ours both must agree, or there is another reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from cib.values import INFINITY
from pengine import colocation_scores, primitive_assignment
from pengine.assigner import Assigner
from pengine.colocation_scores import add_dependent_preferences, add_matching_scores, any_available, score_factor
from pengine.colocations import this_with_colocations, with_this_colocations
from pengine.primitive_assignment import apply_as_dependent
from pengine.relations import Colocation
from pengine.working import Cluster, Resource

_PUSHED_BELOW_ZERO = -100 * INFINITY


@contextmanager
def older_rules() -> Iterator[None]:
    """Within this, what we decide follows the older rules."""
    with (
        patch.object(colocation_scores, "_add_chain", _add_chain),
        patch.object(colocation_scores, "_ignores_double_negative", _always_ignores),
        patch.object(primitive_assignment, "_apply_colocations", _apply_in_one_go),
    ):
        yield


def _add_chain(
    cluster: Cluster,
    source: Resource,
    target: Resource,
    scores: list[int],
    work: list[int],
    factor: float,
    active: bool,
    nonnegative: bool,
    along_primaries: bool,
) -> list[int]:
    """Take in what lies further along the chain with the factor of its own link, of which only the sign is ours."""
    if not any_available(cluster, work):
        return scores if active else _plain(work, nonnegative)
    for colocation in this_with_colocations(source) if along_primaries else with_this_colocations(source):
        if not along_primaries and not colocation.has_influence():
            continue
        work = add_matching_scores(
            cluster,
            colocation.primary if along_primaries else colocation.dependent,
            target,
            work,
            colocation,
            score_factor(-colocation.score if factor < 0 else colocation.score),
            active=True,
            nonnegative=nonnegative,
            along_primaries=along_primaries,
        )
    return _plain(work, nonnegative)


def _plain(scores: list[int], nonnegative: bool) -> list[int]:
    return [1 if nonnegative and score == _PUSHED_BELOW_ZERO else score for score in scores]


def _always_ignores(colocation: Colocation, wish: int) -> bool:
    return True


def _apply_in_one_go(cluster: Cluster, assigner: Assigner, resource: Resource, stop_if_fail: bool) -> None:
    as_dependent, as_primary = this_with_colocations(resource), with_this_colocations(resource)
    for colocation in as_dependent:
        apply_as_dependent(cluster, assigner, resource, colocation, stop_if_fail)
    for colocation in as_primary:
        add_dependent_preferences(cluster, resource, colocation)
