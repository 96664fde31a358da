"""Digests of documents: the one that Pacemaker puts into patches, and ours that names a configuration.

Source: Pacemaker's digests version 2 (MD5 over the compact serialisation, some attributes left out).
"""

from __future__ import annotations

import re
from hashlib import md5, sha256

from cib.xml import Element, is_comment, name_of, serialise

FILTERED = ("crm-debug-origin", "cib-last-written", "update-origin", "update-client", "update-user")
"""Attributes that tell who wrote and when; two documents that differ only in them count as equal."""

_FILTERED_SET = frozenset(FILTERED)
_FILTERED_PATTERN = re.compile(b" (?:" + "|".join(FILTERED).encode() + b')="[^"]*"')
_CONTROL = re.compile(rb"&#(\d+);")
_VOLATILE = frozenset({*FILTERED, "num_updates", "have-quorum", "dc-uuid", "no-quorum-panic", "execution-date"})


def filtered_digest(root: Element) -> str:
    """Return Pacemaker's digest of a whole document, as patches and pings carry it (32 hex digits)."""
    return md5(_canonical(root), usedforsecurity=False).hexdigest()


def on_disk_digest(root: Element) -> str:
    """Return the digest of a whole document that Pacemaker keeps beside its file, with all attributes in it."""
    return md5(b" " + _with_controls(serialise(root)) + b"\n", usedforsecurity=False).hexdigest()


def configuration_digest(root: Element) -> str:
    """Return the digest that names a configuration version in the cluster's history (64 hex digits).

    It covers what is kept on disk: the attributes of `cib` that belong to the configuration, in any order, and the
    `configuration` element. Status, and what only says who wrote when, is left out.
    """
    digest = sha256()
    for name in sorted(root.attrib):
        if str(name) not in _VOLATILE:
            digest.update(f"{name}={root.get(name)}\n".encode())
    configuration = root.find("configuration")
    if configuration is not None:
        digest.update(_canonical(configuration))
    return digest.hexdigest()


def _canonical(element: Element) -> bytes:
    data = serialise(element)
    if b"<!--" in data:
        # A comment may hold text that looks like an attribute; the fast way below would take it for one.
        return _canonical_by_walk(element)
    return _FILTERED_PATTERN.sub(b"", _with_controls(data))


def _with_controls(data: bytes) -> bytes:
    """Control characters in hexadecimal, as Pacemaker writes them."""
    if b"&#" not in data:
        return data
    return _CONTROL.sub(lambda match: b"&#x%02X;" % int(match.group(1)), data)


def _canonical_by_walk(element: Element) -> bytes:
    parts: list[str] = []
    _write(element, parts)
    return "".join(parts).encode()


def _write(element: Element, parts: list[str]) -> None:
    if is_comment(element):
        parts.append(f"<!--{element.text or ''}-->")
        return
    parts.append(f"<{name_of(element)}")
    for name, value in element.attrib.items():
        if str(name) not in _FILTERED_SET:
            parts.append(f' {name}="{_escape(str(value))}"')
    if len(element) == 0:
        parts.append("/>")
        return
    parts.append(">")
    for child in element:
        _write(child, parts)
    parts.append(f"</{name_of(element)}>")


def _escape(value: str) -> str:
    value = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return "".join(f"&#x{ord(character):02X};" if character < " " else character for character in value)
