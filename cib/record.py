"""Values of several fields: what they are is told by their class, and two with the same fields are equal.

This is what a dataclass would do. Making those takes the standard library longer than a policy engine needs for the
decision about a small cluster: it writes and compiles the methods of each class at every start of a tool.
"""

from __future__ import annotations


class Record:
    """Base of values; a subclass sets all its slots in `__init__`. Not hashable, as the fields may change."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in fields(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in fields(self))})"


def fields(record: Record) -> tuple[str, ...]:
    """Return the names of a record's fields; a compiled class has them in another place."""
    names: tuple[str, ...] = getattr(type(record), "__mypyc_attrs__", None) or type(record).__slots__
    return names
