"""A CIB in memory: read with bounds, written as Pacemaker does, with its version, digests and sections."""

from __future__ import annotations

import copy

from cib.digest import configuration_digest, filtered_digest
from cib.patch import Patch
from cib.patch_apply import apply_patch
from cib.tree import Tree
from cib.version import VERSION_ATTRIBUTES, CibVersion
from cib.xml import MAX_BYTES, Element, name_of, parse_cib, serialise, serialise_pretty, shell_of

CONFIGURATION_SECTIONS = (
    "crm_config",
    "nodes",
    "resources",
    "constraints",
    "rsc_defaults",
    "op_defaults",
    "acls",
    "fencing-topology",
    "tags",
    "alerts",
)


class Document(Tree):
    """A CIB. `root` is the `cib` element."""

    __slots__ = ()

    @classmethod
    def from_bytes(cls, data: bytes, source: str = "the input", max_bytes: int = MAX_BYTES) -> Document:
        """Read a document; `source` names it in errors. Raises `ParseError` (also where the root is not `cib`)."""
        return cls(parse_cib(data, source, max_bytes))

    def to_bytes(self) -> bytes:
        """Return the document as Pacemaker's files have it: indented, no XML declaration."""
        return serialise_pretty(self.root)

    def to_compact_bytes(self) -> bytes:
        """Return the document in one line, as it travels."""
        return serialise(self.root)

    def to_compact_disk_bytes(self) -> bytes:
        """Return `to_disk_bytes` in one line, which takes half of the time; `laid_out` makes the former of it."""
        root = shell_of(self.root)
        root.set("num_updates", "0")
        configuration = self.root.find("configuration")
        return _in_one_line(root, [] if configuration is None else [configuration])

    def to_disk_bytes(self) -> bytes:
        """Return what is kept in cib.xml: the document without status, with num_updates 0."""
        root = shell_of(self.root)
        root.set("num_updates", "0")
        configuration = self.root.find("configuration")
        if configuration is None:
            return serialise_pretty(root)
        root.append(copy.deepcopy(configuration))
        return serialise_pretty(root)

    def to_bytes_without_status(self) -> bytes:
        """Return the document in one line, with nothing inside `status`."""
        return _in_one_line(self.root, [shell_of(child) if child.tag == "status" else child for child in self.root])

    def copy(self) -> Document:
        """Return an independent copy, with an empty journal."""
        return Document(copy.deepcopy(self.root))

    def digest(self) -> str:
        """Return Pacemaker's digest of the whole document."""
        return filtered_digest(self.root)

    def configuration_digest(self) -> str:
        """Return the digest that names this configuration version."""
        return configuration_digest(self.root)

    @property
    def version(self) -> CibVersion:
        """The version triple."""
        get = self.root.get
        try:
            return CibVersion(*[int(get(name, "0")) for name in VERSION_ATTRIBUTES])
        except ValueError:
            return CibVersion.of({name: get(name, "0") for name in VERSION_ATTRIBUTES})

    def section(self, name: str) -> Element | None:
        """Return the element of a section; empty, `cib` and `all` name the root. None: unknown or not there."""
        if name in ("", "cib", "all"):
            return self.root
        if name in ("status", "configuration"):
            return self.root.find(name)
        if name in CONFIGURATION_SECTIONS:
            return self.root.find(f"configuration/{name}")
        return None

    def apply(self, patch: Patch) -> None:
        """Apply a patch for good; raises `PatchError` or `OldDataError` and then changes nothing."""
        apply_patch(self, patch)
        self.forget_journal()


def laid_out(data: bytes) -> bytes:
    """Return a document of ours, which stands in one line, as Pacemaker's files have it."""
    return Document.from_bytes(data).to_bytes()


def _in_one_line(root: Element, children: list[Element]) -> bytes:
    """Return the root, but with these children, in one line. Nothing is moved: that would walk through all of it."""
    empty = serialise(shell_of(root))
    if not children:
        return empty
    opening, closing = empty.removesuffix(b"/>") + b">", f"</{name_of(root)}>".encode()
    return b"".join([opening, *(serialise(child) for child in children), closing])
