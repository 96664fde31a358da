"""Which nodes outside the view are known to run nothing (pure core): what a crmd that starts has to know at once.

A life that said goodbye is down, and so is one of which crmd said that it was fenced. A later life of the same node
that is seen in a view ends that knowledge; so does a gap in this node's own knowledge.
"""

from heartbeat.messages import View


class Departed:
    """Owns the lives that ended, by node."""

    def __init__(self) -> None:
        self._lives: dict[str, int] = {}
        """The newest life of each node that was in a view with this one."""
        self._down: dict[str, int] = {}
        """The life that is known to be over."""

    def installed(self, view: View, left: tuple[str, ...]) -> None:
        """Another view; `left` said goodbye."""
        self._down.update({name: self._lives.get(name, 0) for name in left})
        for member in view.members:
            self._lives[member.name] = member.generation
            if member.generation > self._down.get(member.name, member.generation):
                del self._down[member.name]

    def fenced(self, name: str, generation: int, view: View | None) -> None:
        """crmd said so. Its word on a member of the view counts for exactly that life."""
        if view is None:
            return
        if name not in view.names:
            self._down[name] = self._lives.get(name, 0)
        elif self._lives[name] == generation:
            self._down[name] = generation

    def forget(self) -> None:
        """This node was in no view for a while: the others may have gone on."""
        self._down.clear()

    def outside(self, view: View | None) -> tuple[str, ...]:
        """The names, sorted; none while there is no view."""
        return () if view is None else tuple(sorted(name for name in self._down if name not in view.names))
