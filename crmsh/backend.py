"""Where a CIB is read from and written to: the live cluster, a file (CIB_file), or a shadow copy (CIB_shadow)."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from crmsh import exit_codes
from crmsh.failure import Failure

if TYPE_CHECKING:
    from pathlib import Path

    from cib.requests import Request
    from crmd.client import Client

DEFAULT_SHADOW_DIRECTORY = "shadow"


class BackendError(Failure):
    """The CIB could not be read or the change was refused."""


class Backend(Protocol):
    """A CIB that can be read and changed."""

    name: str
    """What the prompt shows: `live`, the shadow's name, or the file's."""
    live: bool

    def read(self) -> bytes:
        """The whole document. Raises BackendError."""

    def apply(self, requests: Sequence[Request], force: bool = False) -> tuple[bytes, ...]:
        """Carry out all requests or none; returns what each found. Raises BackendError."""

    def client(self) -> Client:
        """The connection to the cluster. Raises BackendError where there is none (a file)."""


class FileBackend:
    """A document in a file; changes are written beside it and renamed. `-` is standard input (read only)."""

    live = False

    def __init__(self, path: str, name: str = "") -> None:
        self._path = path
        self.name = name or os.path.basename(path)

    def read(self) -> bytes:
        """The file's content. Raises BackendError."""
        try:
            if self._path == "-":
                return sys.stdin.buffer.read()
            with open(self._path, "rb") as file:
                return file.read()
        except OSError as error:
            rc = exit_codes.NO_SUCH if isinstance(error, FileNotFoundError) else exit_codes.IO_ERROR
            raise BackendError(rc, f"cannot read {self._path}: {error.strerror}") from error

    def apply(self, requests: Sequence[Request], force: bool = False) -> tuple[bytes, ...]:
        """As the cluster would, without its status kept. Raises BackendError."""
        from cib.errors import CibError

        if all(request.op == "query" for request in requests):
            return self._query(requests)
        from cib.operations import Origin, apply_requests

        document = _document(self.read(), self._path)
        origin = Origin(written=time.ctime())
        try:
            applied = apply_requests(document, requests, origin=origin, validator=_validator())
        except CibError as error:
            raise BackendError(error.rc, error.text, error.details) from error
        if applied.patch is not None:
            self.write(document.to_bytes())
        return applied.results

    def _query(self, requests: Sequence[Request]) -> tuple[bytes, ...]:
        """Without what only changes need: agents and scripts ask often."""
        from cib.errors import CibError
        from cib.query import query

        document = _document(self.read(), self._path)
        try:
            return tuple(query(document, request) for request in requests)
        except CibError as error:
            raise BackendError(error.rc, error.text, error.details) from error

    def write(self, data: bytes) -> None:
        """Put a document in the file's place. Raises BackendError."""
        import tempfile
        from pathlib import Path

        target = Path(self._path)
        try:
            descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                os.chmod(temporary, target.stat().st_mode & 0o777)
            os.replace(temporary, target)
        except OSError as error:
            raise BackendError(exit_codes.CANNOT_CREATE, f"cannot write {self._path}: {error.strerror}") from error

    def client(self) -> Client:
        """There is no cluster behind a file."""
        raise BackendError(
            exit_codes.DISCONNECT, f"this needs the running cluster, but the commands work on the file {self._path}"
        )


class LiveBackend:
    """The cluster of this node, through its controller."""

    name = "live"
    live = True

    def __init__(self, timeout_s: float = 0) -> None:
        self._client: Client | None = None
        self._timeout_s = timeout_s

    def client(self) -> Client:
        """The connection, made at the first use. Raises BackendError."""
        from crmd.client import Client, ClientError

        if self._client is None:
            try:
                self._client = Client.connect(timeout_s=self._timeout_s) if self._timeout_s else Client.connect()
            except ClientError as error:
                raise BackendError(error.rc, error.text, error.details) from error
        return self._client

    def read(self) -> bytes:
        """The document of this node's replica. Raises BackendError."""
        from crmd.client import ClientError

        try:
            return self.client().query()
        except ClientError as error:
            raise BackendError(error.rc, error.text, error.details) from error

    def apply(self, requests: Sequence[Request], force: bool = False) -> tuple[bytes, ...]:
        """Let the cluster change its CIB. Raises BackendError with what it said."""
        from crmd.client import ClientError

        try:
            applied = self.client().apply(requests, force=force)
        except ClientError as error:
            raise BackendError(error.rc, error.text, error.details) from error
        if force and applied.kept_on:
            # What is forced may be kept on fewer nodes than it takes to survive; who forces it must know.
            sys.stderr.write(f"INFO: forced; on the disks of {applied.kept_on} node(s) now\n")
        return applied.results


def shadow_directory(environ: dict[str, str] | None = None) -> Path:
    """Where shadow copies are kept: CIB_shadow_dir, else below the node's state directory."""
    from pathlib import Path

    from ipc.directories import NodeDirectories

    env = dict(os.environ) if environ is None else environ
    return Path(env.get("CIB_shadow_dir") or NodeDirectories.from_environment(env).state / DEFAULT_SHADOW_DIRECTORY)


def shadow_path(name: str) -> Path:
    """The file of a shadow copy."""
    return shadow_directory() / f"shadow.{name}"


def open_backend(shadow: str = "", environ: dict[str, str] | None = None, timeout_s: float = 0) -> Backend:
    """The CIB that the environment or `shadow` names; the live one where neither does.

    `timeout_s` limits the wait for each answer of the cluster (0: the client's own limit).
    """
    env = dict(os.environ) if environ is None else environ
    if shadow and shadow != "live":
        return FileBackend(str(shadow_path(shadow)), shadow)
    if not shadow and (path := env.get("CIB_file")):
        return FileBackend(path)
    if not shadow and (name := env.get("CIB_shadow")):
        return FileBackend(str(shadow_path(name)), name)
    return LiveBackend(timeout_s)


def _document(data: bytes, source: str) -> Document:
    from cib.document import Document
    from cib.errors import CibError

    try:
        return Document.from_bytes(data, source)
    except CibError as error:
        raise BackendError(error.rc, error.text, error.details) from error


def _validator() -> Validator:
    from cib.schema import validate

    return validate


if TYPE_CHECKING:
    from cib.document import Document
    from cib.operations import Validator
