"""Grammars of the CIB (RELAX NG), as data; `cib.schema` reads them."""

from __future__ import annotations


def path_of(name: str) -> str:
    """Return where a grammar file is."""
    # Not through importlib.resources: that brings tempfile, shutil and bz2 into every tool that reads a document. Nor
    # through pathlib, which brings urllib.
    return f"{__path__[0]}/{name}"


def read(name: str) -> bytes:
    """Return a grammar file."""
    with open(path_of(name), "rb") as file:
        return file.read()
