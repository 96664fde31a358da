"""Where the document of a simulation comes from, whether it is one, and where documents are written to."""

from __future__ import annotations

import sys
from collections.abc import Callable

from cib.errors import CibError
from cib.places import located
from cib.schema import validate_root
from cib.xml import Element, add_element, parse_cib, serialise_pretty
from crmsh import exit_codes
from crmsh.backend import FileBackend, open_backend
from crmsh.failure import Failure
from crmsh.simulation.arguments import LIVE, STANDARD_INPUT

_SHOWN_MAX = 20
"""Of the mistakes in a document."""
_NO_VALIDATION = (
    'Schema validation of configuration is disabled (support for validate-with set to "none" is deprecated and '
    "will be removed in a future release)"
)
_PACKED = ".bz2"


def read_document(source: str) -> tuple[Element, list[str]]:
    """Return the `cib` element of a source and what people must be told of it. Raises Failure where it is unusable."""
    name = {LIVE: "the cluster's CIB", STANDARD_INPUT: "standard input"}.get(source, source)
    try:
        data = _read(source)
        root = parse_cib(data, name)
        reports = validate_root(root)
    except CibError as error:
        raise Failure(error.rc, error.text, error.details) from None
    errors = [report for report in reports if report.severity == "error"]
    if errors:
        sentences = [report.sentence() for report in located(errors[:_SHOWN_MAX], root, data, name)]
        if len(errors) > _SHOWN_MAX:
            sentences.append(f"and {len(errors) - _SHOWN_MAX} more")
        raise Failure(exit_codes.CONFIG, f"{name} is no valid configuration", tuple(sentences))
    if root.find("status") is None:
        add_element(root, "status")
    return root, [_NO_VALIDATION] if root.get("validate-with") == "none" else []


def _read(source: str) -> bytes:
    if source == LIVE:
        return open_backend().read()
    if source == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    try:
        with open(source, "rb") as file:
            data = file.read()
    except OSError as error:
        raise Failure(exit_codes.NO_INPUT, f"Couldn't read {source}: {error.strerror}") from None
    if not source.endswith(_PACKED):
        return data
    import bz2

    try:
        return bz2.decompress(data)
    except (OSError, ValueError) as error:
        raise Failure(exit_codes.DATA_ERROR, f"Couldn't unpack {source}: {error}") from None


def place_to_write_back(source: str) -> Callable[[Element], None]:
    """Return what puts a document in the place of the one that was read.

    Raises Failure where that is the running cluster: a simulation does not change it.
    """
    backend = FileBackend(source) if source != LIVE else open_backend()
    if not isinstance(backend, FileBackend):
        raise Failure(
            exit_codes.USAGE,
            "--in-place does not change the running cluster: name a file (--xml-file), work on a shadow copy "
            "(CIB_shadow), or use --save-output",
        )
    return lambda root: backend.write(_bytes(source, root))


def write_document(name: str, root: Element) -> None:
    """Write a document into a file; - is standard output. Raises Failure."""
    data = _bytes(name, root)
    if name == "-":
        sys.stdout.write(data.decode())
        return
    try:
        with open(name, "wb") as file:
            file.write(data)
    except OSError as error:
        raise _cannot_write(name, error) from None


def write_text(name: str, text: str) -> None:
    """Write a text into a file; - is standard output. Raises Failure."""
    if name == "-":
        sys.stdout.write(text)
        return
    try:
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise _cannot_write(name, error) from None


def _bytes(name: str, root: Element) -> bytes:
    data = serialise_pretty(root)
    if not name.endswith(_PACKED):
        return data
    import bz2

    return bz2.compress(data)


def _cannot_write(name: str, error: OSError) -> Failure:
    return Failure(exit_codes.CANNOT_CREATE, f"Couldn't write {name}: {error.strerror}")
