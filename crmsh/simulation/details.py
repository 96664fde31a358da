"""What the status of a simulation shows besides nodes and resources: attributes, fail counts, failed actions.

It is that of `crm_mon`, made from the same document.
"""

from __future__ import annotations

from cib.document import Document
from cib.xml import Element
from crmsh.envelope import Tag
from crmsh.status.blocks import Item, item_lines
from crmsh.status.event_text import attribute_blocks, failure_detail, history_blocks
from crmsh.status.options import ShowOptions
from crmsh.status.reader import StatusReader
from crmsh.status.xml_output import add_status


class Details:
    """One reading of a `cib` element at a time (in seconds since the epoch)."""

    def __init__(self, root: Element, now: int, *, attributes: bool, failcounts: bool) -> None:
        self._status = StatusReader(Document(root), now).read()
        # Only failures are asked for: what never failed is not listed.
        self._status.history = [
            (node, [view for view in views if view.fail_count]) for node, views in self._status.history
        ]
        sections = {"nodes", "resources"}
        if attributes:
            sections.add("attributes")
        if failcounts:
            sections |= {"failcounts", "failures"}
        self._options = ShowOptions(sections=sections, inactive=True)

    def lines(self) -> list[str]:
        """The parts that come after nodes and resources, as text."""
        status, options = self._status, self._options
        blocks = [*attribute_blocks(status, options), *history_blocks(status, options)]
        failures = [Item(failure_detail(failure)) for failure in status.failures] if options.shows("failures") else []
        lines: list[str] = []
        for title, items, always in (
            *((block.title, block.items, block.always) for block in blocks),
            ("Failed Resource Actions", failures, False),
        ):
            if items or always:
                lines += ["", f"  * {title}:", *item_lines(items, 2).splitlines()]
        return lines

    def add_to(self, tag: Tag) -> None:
        """Put the whole status into an element."""
        add_status(tag, self._status, self._options)
