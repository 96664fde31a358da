"""Gives the operations of a random history the digests that they would have, or others.

The digests of what a document's own parameters make up are the engine's; where it were wrong, the other scheduler
would find every such operation changed.
"""

from __future__ import annotations

from lxml import etree

from cib.digests import operation_digest, restart_digest
from pengine.digest_check import current_parameters
from pengine.reading import read_cluster
from pengine.unpack import unpack_element
from pengine.working import Cluster, Resource
from tests.differential.configuration import NOW, Document

_CHANGED = "0123456789abcdef0123456789abcdef"


def write_digests(document: Document) -> None:
    """Fill in the digests of all results that have none."""
    cluster = read_cluster(unpack_element(etree.fromstring(etree.tostring(document.root))), NOW)
    nodes = {node.id: node for node in cluster.nodes}
    for state in document.status.iterfind("node_state"):
        node = nodes.get(str(state.get("id")))
        for entry in state.iter("lrm_resource"):
            resource = _resource(cluster, str(entry.get("id")))
            if node is None or resource is None:
                continue
            for result in entry:
                if "op-digest" in result.attrib or result.get("op-status") == "-1" or document.maybe(6):
                    continue
                task, interval = str(result.get("operation")), int(result.get("interval", "0"))
                values, _ = current_parameters(cluster, resource, task, interval, node)
                changed = document.maybe(10)
                result.set("op-digest", _CHANGED if changed else operation_digest(values, interval))
                if not interval and task in ("start", "monitor") and document.maybe(20):
                    result.set("op-force-restart", " server image fake ")
                    names = ["server", "image", "fake"]
                    different = changed and document.maybe(50)
                    result.set("op-restart-digest", _CHANGED if different else restart_digest(values, interval, names))


def _resource(cluster: Cluster, identifier: str) -> Resource | None:
    return cluster.by_id.get(identifier) or cluster.by_id.get(f"{identifier}:0")
