"""The parse tables, kept between runs: making them takes longer than most commands.

They are kept in the user's own cache directory. The file is a pickle, so it is read only where it belongs to the user
who runs the shell and nobody else can write it; anything unfit is made anew.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import lark
from lark import Lark, Token
from lark.lexer import Lexer


class NoLexer(Lexer):
    """Words are fed to the parser one by one; there is no text to read."""

    __future_interface__ = True

    def __init__(self, conf: object) -> None:
        """Nothing is needed of the configuration."""

    def lex(self, *args: object) -> Iterator[Token]:
        """No token of its own."""
        return iter(())


def load_parser(grammar: str, starts: tuple[str, ...]) -> Lark:
    """The parser of a grammar; from the cache when that has it."""
    path = _cache_path(grammar)
    if path is not None and _is_trusted(path):
        try:
            with path.open("rb") as file:
                return Lark.load(file)
        except (OSError, pickle.UnpicklingError, EOFError, AttributeError, KeyError, TypeError, ValueError):
            path.unlink(missing_ok=True)
    parser = Lark(grammar, start=list(starts), parser="lalr", lexer=NoLexer)
    if path is not None:
        _keep(parser, path)
    return parser


def _cache_path(grammar: str) -> Path | None:
    """Named by everything that the tables depend on; None where the user has no home."""
    home = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("HOME") and f"{os.environ['HOME']}/.cache")
    if not home:
        return None
    key = hashlib.sha256(f"{lark.__version__}/{sys.version_info[:2]}/{__name__}/{grammar}".encode()).hexdigest()[:16]
    return Path(home) / "crm" / f"grammar-{key}.bin"


def _is_trusted(path: Path) -> bool:
    """A plain file of this user in a directory of this user, which nobody else can write."""
    try:
        for place in (path, path.parent):
            state = place.lstat()
            if state.st_uid != os.geteuid() or state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                return False
    except OSError:
        return False
    return stat.S_ISREG(path.lstat().st_mode)


def _keep(parser: Lark, path: Path) -> None:
    """Write the tables for the next run; that it cannot be done costs only time."""
    temporary = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            parser.save(file)
        temporary.replace(path)
    except (OSError, pickle.PicklingError):
        temporary.unlink(missing_ok=True)
