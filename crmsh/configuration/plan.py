"""What the cluster would do with a configuration, in words: the policy engine is asked."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from crmsh.actions.editing import ActionError
from pengine.graph import Action

if TYPE_CHECKING:
    from pengine.scheduler import Outcome

_HIDDEN_TASKS = frozenset({"delete", "lrm_delete", "clear_failcount", "cancel", "notify", "lrm_invoke", "meta-data"})
_VERBS = {
    "start": "start",
    "stop": "stop",
    "promote": "promote",
    "demote": "demote",
    "migrate_to": "migrate",
    "reload": "reload",
}


def plan_of(data: bytes, notes: bool = True) -> list[str]:
    """One sentence for each thing that would be done, in the order of the graph, then what the engine notes."""
    outcome = _outcome_of(data)
    sentences: list[str] = []
    for synapse in outcome.graph.synapses:
        for action in synapse.actions:
            sentence = sentence_of(action)
            if sentence and sentence not in sentences:
                sentences.append(sentence)
    return [*sentences, *(f"note: {note}" for note in outcome.notes if notes)]


def sentence_of(action: Action) -> str:
    """`will start vip on n1`; empty for what people need not see (probes, monitors, pseudo actions)."""
    if action.kind == "crm_event":
        if action.task == "stonith":
            how = (action.attributes or {}).get("CRM_meta_stonith_action", "reboot")
            return f"will fence {_target(action)} ({how})"
        return f"will shut down {_target(action)}" if action.task == "do_shutdown" else ""
    if action.kind != "rsc_op" or action.resource is None:
        return ""
    verb = _VERBS.get(action.task)
    if verb is None:
        return ""
    where = "from" if verb == "migrate" else "on"
    return f"will {verb} {action.resource.id} {where} {_target(action)}"


def _target(action: Action) -> str:
    return action.node_name or "?"


def scores_of(data: bytes) -> list[str]:
    """Where each resource may run, in points, as crm_simulate -s prints it."""
    return _outcome_of(data).scores


def _outcome_of(data: bytes) -> Outcome:
    from cib.document import Document
    from cib.errors import CibError
    from pengine.local_zone import local_zone
    from pengine.scheduler import schedule
    from pengine.unpack import unpack

    try:
        document = Document.from_bytes(data, "the configuration")
    except CibError as error:
        raise ActionError(error.rc, error.text) from None
    return schedule(unpack(document, local_zone(os.environ.get("TZ"))), int(time.time()))
