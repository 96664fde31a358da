"""What this node has promised on disk: the generation it lives in, the numbers it voted for, the nodes with a vote."""

from heartbeat.events import DurableState, Persist

RESERVE = 16
"""How many view numbers are promised ahead. A vote for a number that is promised already needs no further write, so
that a failover does not wait for the disk; a restart skips what was promised and not used."""


class Promises:
    """Knows what is on disk for certain. Invariant: nothing counts as promised before the shell said Persisted."""

    def __init__(self, saved: DurableState) -> None:
        self._asked = saved
        self._synced = saved
        self._token = 0
        self._waiting: dict[int, DurableState] = {}

    @property
    def synced(self) -> DurableState:
        """What a crash at this instant would leave."""
        return self._synced

    @property
    def asked(self) -> DurableState:
        """What will be on disk when everything that was asked is done."""
        return self._asked

    def begin_life(self) -> Persist:
        """A generation above all used ones, and a first reserve of view numbers."""
        return self._save(self._asked.generation + 1, self._asked.voted + RESERVE, self._asked.nodes)

    def keep_nodes(self, nodes: tuple[str, ...]) -> Persist:
        """The list of nodes with a vote."""
        return self._save(self._asked.generation, self._asked.voted, nodes)

    def covers(self, number: int) -> bool:
        """Whether a vote for this view number could not be repeated after a crash at this instant."""
        return number <= self._synced.voted

    def reserve(self, number: int) -> list[Persist]:
        """Promise this number and some ahead, unless enough is promised or asked already."""
        if number + RESERVE // 2 <= self._asked.voted:
            return []
        return [self._save(self._asked.generation, number + RESERVE, self._asked.nodes)]

    def persisted(self, token: int) -> None:
        """The shell wrote the state of this token, and with it everything that earlier ones held."""
        state = self._waiting.pop(token, None)
        if state is None:
            return
        self._waiting = {later: waiting for later, waiting in self._waiting.items() if later > token}
        self._synced = state

    def _save(self, generation: int, voted: int, nodes: tuple[str, ...]) -> Persist:
        assert generation >= self._asked.generation, "a generation never comes back"
        assert voted >= self._asked.voted, "a vote is never taken back"
        self._token += 1
        self._asked = DurableState(generation=generation, voted=voted, nodes=nodes)
        self._waiting[self._token] = self._asked
        return Persist(self._token, self._asked)
