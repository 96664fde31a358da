"""Reads a document into a `ClusterState`, and again only what a patch touched.

With the modules `unpack_*` the only part of the policy engine that sees XML. Differences between schema versions end
here: old elements become what replaced them, so that the later stages know one form of each thing.
"""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from cib.xml import Element
from pengine.references import References
from pengine.reuse import Changes, Parts
from pengine.state import EMPTY_BLOCK, ClusterState, NameValueBlock, NodeDefinition
from pengine.unpack_constraints import ConstraintReader, Constraints, ping_bans
from pengine.unpack_nodes import NodeReader
from pengine.unpack_resources import ResourceReader, Resources
from pengine.unpack_sets import SetReader, attributes_of
from pengine.unpack_status import StatusReader

if TYPE_CHECKING:
    from cib.document import Document
    from cib.patch import Patch
    from cib.version import CibVersion, ConfigurationVersion

Tags = dict[str, tuple[str, ...]]


def unpack(document: Document, zone: tzinfo = UTC) -> ClusterState:
    """Return the typed state of a document, which the state owns from now on.

    Dates in rules that have no offset are in `zone`.
    """
    return LiveDocument(document, zone).state()


def unpack_element(root: Element, zone: tzinfo = UTC) -> ClusterState:
    """Return the typed state of a `cib` element (for work on files, where no patch will follow)."""
    return DocumentReader(root, zone, None).state()


class LiveDocument:
    """A document that changes by patches, and the state of it; only what a patch touched is read again."""

    def __init__(self, document: Document, zone: tzinfo = UTC) -> None:
        """The document belongs to this object from now on."""
        self.changes = Changes()
        self._document = document
        self._reader = DocumentReader(document.root, zone, self.changes)
        self._digest = ""
        self._digest_of: ConfigurationVersion | None = None

    def take(self, patch: Patch) -> None:
        """Apply a patch; raises `PatchError` or `OldDataError`, and then changes nothing.

        The digest that a patch may carry is not looked at: it covers the whole document, status included, and to walk
        through that costs more than all the rest. Who needs to be sure compares `configuration_digest`.
        """
        from cib.patch_apply import apply_patch  # who works on files has no use for patches, which are slow to import

        document = self._document
        mark = document.mark()
        apply_patch(document, patch, with_digest=False)
        self.changes.note(document.root, document.entries_since(mark))
        document.forget_journal()

    def state(self) -> ClusterState:
        """Return the state of the document as it is now. What did not change is the same object as in the last one."""
        return self._reader.state(self)

    def apply(self, *patches: Patch) -> ClusterState:
        """See `ClusterState.apply`."""
        for patch in patches:
            self.take(patch)
        return self.state()

    def close(self) -> None:
        """Let go of the document and its state, which is used no more.

        They refer to each other, so that they would stay until the cyclic collector looks at what is old; in a worker
        that loads a large document anew both would be in memory for long.
        """
        self._reader.last = None
        self.changes.close()

    @property
    def version(self) -> CibVersion:
        """The document's version."""
        return self._document.version

    @property
    def configuration_changed(self) -> bool:
        """Whether a patch has changed the configuration."""
        configuration = self._document.section("configuration")
        return self.changes.replaced > 0 or (configuration is not None and self.changes.changed_at(configuration) > 0)

    def configuration_digest(self) -> str:
        """Return `Document.configuration_digest`; computed once for a version of the configuration."""
        version = self._document.version.configuration
        if version != self._digest_of:
            self._digest, self._digest_of = self._document.configuration_digest(), version
        return self._digest


class DocumentReader:
    """Puts the state of a document together from its parts.

    Each part is a function of one element and what it looks at (see `pengine.reuse`); with `changes` the parts are kept
    and those that still hold are used again.
    """

    def __init__(self, root: Element, zone: tzinfo, changes: Changes | None) -> None:
        self._root = root
        self._zone = zone
        sets = SetReader(References(root, changes), zone)
        self._sets = sets
        self._options: Parts[NameValueBlock] = Parts(changes, self._read_options)
        self._defaults: Parts[NameValueBlock] = Parts(changes, self._read_defaults)
        self._tags: Parts[Tags] = Parts(changes, _read_tags)
        self._nodes = NodeReader(changes, sets)
        self._resources = ResourceReader(changes, sets)
        self._constraints = ConstraintReader(changes, sets)
        self._status = StatusReader(changes, sets)
        self.last: ClusterState | None = None
        """The state that was returned last, of which the next one takes what is equal."""

    def state(self, source: LiveDocument | None = None) -> ClusterState:
        """Return the state of the document as it is now."""
        configuration = self._root.find("configuration")
        status = self._root.find("status")
        nodes = self._nodes.nodes(_section(configuration, "nodes"))
        section = _section(configuration, "resources")
        resources = self._resources.resources(section)
        defaults = _section(configuration, "rsc_defaults")
        state = ClusterState(
            source=source,
            attributes=attributes_of(self._root),
            options=_block(self._options, _section(configuration, "crm_config")),
            nodes=nodes,
            resources=resources.definitions,
            constraints=_with_bans(self._constraints.constraints(_section(configuration, "constraints")), nodes),
            tags=self._all_tags(resources, _section(configuration, "tags")),
            resource_defaults=_block(self._defaults, defaults),
            operation_defaults=_block(self._defaults, _section(configuration, "op_defaults")),
            tickets=self._status.tickets(status),
            node_status=self._status.node_status(status),
            zone=self._zone,
            any_unfencing=self._resources.any_unfencing(section, defaults),
        )
        if source is not None:
            _keep_what_is_equal(state, self.last)
            self.last = state
        return state

    def _read_options(self, section: Element) -> NameValueBlock:
        return self._sets.block(section, "cluster_property_set", True)

    def _read_defaults(self, section: Element) -> NameValueBlock:
        return self._sets.block(section, "meta_attributes")

    def _all_tags(self, resources: Resources, section: Element | None) -> Tags:
        return {**resources.derived, **(self._tags.of(section) if section is not None else {})}


def _keep_what_is_equal(state: ClusterState, last: ClusterState | None) -> None:
    """Let what is put together from parts that are the same be the same as well."""
    if last is None:
        return
    if state.attributes == last.attributes:
        state.attributes = last.attributes
    if state.constraints == last.constraints:
        state.constraints = last.constraints
    if state.tags == last.tags:
        state.tags = last.tags
    if state.tickets == last.tickets:
        state.tickets = last.tickets
    if state.node_status == last.node_status:
        state.node_status = last.node_status


def _section(parent: Element | None, tag: str) -> Element | None:
    return parent.find(tag) if parent is not None else None


def _block(blocks: Parts[NameValueBlock], section: Element | None) -> NameValueBlock:
    return blocks.of(section) if section is not None else EMPTY_BLOCK


def _with_bans(constraints: Constraints, nodes: tuple[NodeDefinition, ...]) -> Constraints:
    bans = ping_bans(nodes)
    return (*constraints, *bans) if bans else constraints


def _read_tags(section: Element) -> Tags:
    return {
        tag.get("id") or "": tuple(ref.get("id") or "" for ref in tag if ref.tag == "obj_ref")
        for tag in section
        if tag.tag == "tag"
    }
