"""The request to read or change a CIB, as it travels from tools and between nodes."""

from __future__ import annotations

from typing import Literal

import msgspec

OperationName = Literal["query", "create", "modify", "replace", "delete", "patch", "bump", "upgrade", "erase"]


class Request(msgspec.Struct, frozen=True, tag=True):
    """One operation on a section, or on what an XPath expression matches.

    Source: Pacemaker's CIB operations; the fields are the options of `cibadmin`.
    """

    op: OperationName
    section: str = ""
    """configuration, status, crm_config, nodes, resources, constraints, …; empty: the whole document."""
    xpath: str = ""
    """XPath 1.0 over the whole document; goes before `section`."""
    xml: bytes = b""
    """The input: one element (for patch: a `diff` of format 2)."""
    allow_create: bool = False
    """modify: append the input where nothing is found to modify."""
    multiple: bool = False
    """modify and delete by XPath: all matches instead of the first."""
    score_update: bool = False
    """modify: the values `name++` and `name+=N` add to the old value of attribute `name`."""
    no_children: bool = False
    """query: elements with their attributes only."""
    node_path: bool = False
    """query by XPath: the paths of the matches instead of the matches."""
