"""authkeys, the file with the cluster's shared secret.

`auth N` names the key that this node seals with; `N METHOD KEY` lines are the keys that it opens with, so that a key
can be changed on one node after the other. Source: authkeys(5) of Heartbeat 3.0; sha256 and aes256-gcm are ours.
"""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ipc.problems import Problem, Severity, has_errors

Method = Literal["crc", "md5", "sha1", "sha256", "aes256-gcm"]
METHODS: tuple[Method, ...] = ("crc", "md5", "sha1", "sha256", "aes256-gcm")

FILE_BYTES_MAX = 64 * 1024
KEY_ID_MAX = 15
SECRET_BYTES_ADVISED = 16
"""aes256-gcm derives its keys from the secret: a guessable one is the weakest part."""

_WEAK: dict[Method, str] = {
    "crc": "crc PROTECTS AGAINST NOTHING but damaged packets: anybody on the network can command this cluster; "
    "use sha256 or aes256-gcm",
    "md5": "md5 is BROKEN AND DEPRECATED as a digest; use sha256 or aes256-gcm",
}


@dataclass(frozen=True, slots=True)
class Key:
    """One numbered line of the file."""

    number: int
    method: Method
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthKeys:
    """A valid file: the key to seal with, and all keys by their numbers."""

    active: Key
    keys: dict[int, Key]


@dataclass(frozen=True, slots=True)
class AuthKeysResult:
    """What reading gave: keys when there is no error among the problems."""

    keys: AuthKeys | None
    problems: tuple[Problem, ...]


def read_authkeys(path: Path) -> AuthKeysResult:
    """Read and check the file: its owner and mode on the open file, then its content."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        text = f"cannot be read ({error.strerror})"
        expected = "a file with `auth N` and `N METHOD KEY`, mode 600"
        return AuthKeysResult(None, (Problem("error", path, 0, text, expected=expected),))
    try:
        refusals = check_permissions(os.fstat(descriptor), path, os.geteuid())
        if refusals:
            return AuthKeysResult(None, refusals)
        data = os.read(descriptor, FILE_BYTES_MAX + 1)
    finally:
        os.close(descriptor)
    return parse_authkeys(data, path)


def check_permissions(status: os.stat_result, path: Path, uid: int) -> tuple[Problem, ...]:
    """A secret that others could read or replace is refused: mode 600, owned by the user that runs."""
    if not stat.S_ISREG(status.st_mode):
        return (Problem("error", path, 0, "is not a regular file", expected="a regular file, mode 600"),)
    problems: list[Problem] = []
    mode = stat.S_IMODE(status.st_mode)
    if mode != 0o600:
        expected = f"600, so that nobody else can read the secret: chmod 600 {path}"
        problems.append(Problem("error", path, 0, "wrong mode", f"{mode:03o}", expected))
    if status.st_uid != uid:
        expected = f"uid {uid}, the user that heartbeat runs as: chown {uid} {path}"
        problems.append(Problem("error", path, 0, "wrong owner", f"uid {status.st_uid}", expected))
    return tuple(problems)


def parse_authkeys(data: bytes, path: Path) -> AuthKeysResult:
    """Parse the content of authkeys. Messages never contain a secret."""
    parser = _Parser(path)
    if len(data) > FILE_BYTES_MAX:
        parser.report("error", 0, "the file is too long", expected=f"at most {FILE_BYTES_MAX} bytes")
    else:
        for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
            parser.line(number, line)
        parser.check()
    keys = None if has_errors(parser.problems) else parser.keys()
    return AuthKeysResult(keys, tuple(parser.problems))


@dataclass(slots=True)
class _Parser:
    path: Path
    problems: list[Problem] = field(default_factory=list)
    found: dict[int, Key] = field(default_factory=dict)
    lines: dict[int, int] = field(default_factory=dict)
    """Key number -> its line."""
    auth: int = 0
    auth_line: int = 0

    def report(self, severity: Severity, line: int, text: str, value: str = "", expected: str = "") -> None:
        self.problems.append(Problem(severity, self.path, line, text, value, expected))

    def line(self, number: int, line: bytes) -> None:
        words = line.split()
        if not words or words[0].startswith(b"#"):
            return
        if b"\0" in line:
            self.report("error", number, "the line contains a NUL byte", expected="text")
            return
        first = words[0].decode("utf-8", errors="replace")
        if first == "auth":
            self._auth(number, [word.decode("utf-8", errors="replace") for word in words[1:]])
        elif first.isascii() and first.isdigit():
            self._key(number, first, words[1:])
        else:
            # The word is not shown: it may be a secret whose number was forgotten.
            self.report("error", number, "the line is not understood", expected="`auth N` or `N METHOD KEY`")

    def _auth(self, number: int, words: list[str]) -> None:
        words = words[:1] if words[1:2] and words[1].startswith("#") else words
        if self.auth_line:
            self.report("error", number, f"auth is given before, in line {self.auth_line}", expected="one auth line")
            return
        self.auth_line = number
        if len(words) != 1 or not _is_key_id(words[0]):
            expected = f"auth N, with the number of a key from 1 to {KEY_ID_MAX}"
            self.report("error", number, "auth: wrong value", " ".join(words), expected)
            return
        self.auth = int(words[0])

    def _key(self, number: int, first: str, words: list[bytes]) -> None:
        if not _is_key_id(first):
            self.report("error", number, "wrong key number", first, f"a number from 1 to {KEY_ID_MAX}")
            return
        key_id = int(first)
        if key_id in self.lines:
            text = f"key {key_id} is given before, in line {self.lines[key_id]}"
            self.report("error", number, text, expected="each number once")
            return
        self.lines[key_id] = number
        method = words[0].decode("utf-8", errors="replace").lower() if words else ""
        if method not in METHODS:
            # a word alone may be the key, whose method was forgotten: it is not shown
            shown = method if len(words) > 1 else ""
            self.report("error", number, f"key {key_id}: unknown method", shown, "one of " + ", ".join(METHODS))
            return
        self._add(number, key_id, METHODS[METHODS.index(method)], words[1:])

    def _add(self, number: int, key_id: int, method: Method, words: list[bytes]) -> None:
        if words[1:] and words[1].startswith(b"#"):
            words = words[:1]
        if method == "crc":
            if words and not words[0].startswith(b"#"):
                self.report("warning", number, f"key {key_id}: crc uses no key; what follows is ignored")
            words = [b""]
        if not words or words[0].startswith(b"#") or len(words) > 1:
            have = "no key" if not words or words[0].startswith(b"#") else "more than one word as the key"
            self.report("error", number, f"key {key_id}: {have}", expected=f"{key_id} {method} KEY, the key one word")
            return
        if method in _WEAK:
            self.report("warning", number, f"key {key_id}: {_WEAK[method]}")
        elif method == "aes256-gcm" and len(words[0]) < SECRET_BYTES_ADVISED:
            text = f"key {key_id}: the key is short ({len(words[0])} characters) and may be guessed"
            self.report("warning", number, text, expected=f"at least {SECRET_BYTES_ADVISED} characters")
        self.found[key_id] = Key(key_id, method, words[0])

    def check(self) -> None:
        """The rules that concern more than one line."""
        if not self.auth_line:
            self.report("error", 0, "no auth line", expected="`auth N`, naming the key to use")
        elif self.auth and self.auth not in self.lines:
            expected = f"a line `{self.auth} METHOD KEY`"
            self.report("error", self.auth_line, "auth: there is no key of this number", str(self.auth), expected)

    def keys(self) -> AuthKeys:
        return AuthKeys(self.found[self.auth], dict(sorted(self.found.items())))


def _is_key_id(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= 3 and 1 <= int(word) <= KEY_ID_MAX
