"""Operations on a CIB: what each request means."""

from __future__ import annotations

from cib.requests import OperationName, Request

__all__ = ["OperationName", "Request"]
