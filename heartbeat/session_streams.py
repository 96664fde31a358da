"""The two directions of a numbered stream of chunks between two lives, each with its own invariant."""

from collections import deque

from heartbeat.session_messages import Chunk

CHUNK_BYTES = 16 * 1024
"""The most that one chunk carries."""

WINDOW_BYTES = 1024 * 1024
"""The most that is on its way without an acknowledgement."""

QUEUED_BYTES_MAX = 192 * 1024 * 1024
"""The most that waits for a peer; beyond it, the peer does not keep up and the stream breaks."""

MESSAGE_BYTES_MAX = 64 * 1024 * 1024
"""The longest message; the frames on the Unix socket have the same limit."""

HELD_BYTES_MAX = 64 * 1024 * 1024
"""The most that waits for a view that is not installed here yet."""


class OutboundStream:
    """Invariant: every chunk from the first unacknowledged one on is kept, in order, without a gap."""

    def __init__(self) -> None:
        self._sequence = 0
        """The number of the newest chunk that exists."""
        self._acknowledged = 0
        self._kept: deque[Chunk] = deque()
        self._kept_bytes = 0
        self._resend = 0
        """How many of the newest kept chunks have to be sent (again)."""
        self._queue: deque[tuple[int, bytes]] = deque()
        self._queued_bytes = 0
        self._offset = 0
        """How much of the queue's first message is cut into chunks already."""
        self._broken_view = 0

    def queue(self, view: int, payload: bytes) -> bool:
        """Add a message. False when too much waits: then no message of this view is taken any more.

        (A stream with a hole in it would be worse than one that ends: what was taken before is still sent.)
        """
        if view <= self._broken_view or self._queued_bytes + len(payload) > QUEUED_BYTES_MAX:
            self._broken_view = view
            return False
        self._queue.append((view, payload))
        self._queued_bytes += len(payload)
        return True

    def can_send(self) -> bool:
        """Whether `next_chunk` has one to give: a chunk to repeat, or new data that the window has room for."""
        return self._resend > 0 or (bool(self._queue) and self._kept_bytes < WINDOW_BYTES)

    def next_chunk(self, limit: int, ack: int) -> Chunk:
        """The next chunk to send. A new one carries at most `limit` bytes; a repeated one is as it was."""
        if self._resend:
            chunk = self._kept[-self._resend]
            self._resend -= 1
            return Chunk(chunk.sequence, chunk.view, chunk.last, chunk.cut, ack, chunk.data)
        view, payload = self._queue[0]
        data = bytes(memoryview(payload)[self._offset : self._offset + limit])
        self._offset += len(data)
        last = self._offset >= len(payload)
        if last:
            self._forget_first()
        return self._keep(Chunk(self._sequence + 1, view, last, False, ack, data))

    def _forget_first(self) -> None:
        self._queued_bytes -= len(self._queue.popleft()[1])
        self._offset = 0

    def _keep(self, chunk: Chunk) -> Chunk:
        self._sequence = chunk.sequence
        self._kept.append(chunk)
        self._kept_bytes += len(chunk.data)
        return chunk

    def acknowledge(self, received: int) -> bool:
        """Forget what arrived. False when the peer acknowledges a chunk that does not exist."""
        if received > self._sequence:
            return False
        while self._acknowledged < received:
            self._acknowledged += 1
            self._kept_bytes -= len(self._kept.popleft().data)
        self._resend = min(self._resend, len(self._kept))
        return True

    def rewind(self) -> None:
        """Another link carries the stream from now on: all that is not acknowledged is to be sent again."""
        self._resend = len(self._kept)

    def drop_older_than(self, view: int) -> None:
        """Forget waiting messages of earlier views: nobody would deliver them.

        A message that is partly on its way is ended with a `cut` chunk, so that the next one starts clean.
        """
        if self._offset and self._queue[0][0] < view:
            first_view = self._queue[0][0]
            self._forget_first()
            self._keep(Chunk(self._sequence + 1, first_view, False, True, 0, b""))
            self._resend += 1
        while self._queue and self._queue[0][0] < view:
            self._forget_first()


class InboundStream:
    """Invariant: chunks are taken in the order of their numbers, each once; whole messages come out."""

    def __init__(self) -> None:
        self.received = 0
        """The number of the newest chunk that was taken."""
        self.unacknowledged_bytes = 0
        self.unacknowledged_chunks = 0
        self._parts: list[bytes] = []
        self.partial_bytes = 0
        """How much of the message that is not complete yet has come."""
        self.held: deque[tuple[int, bytes]] = deque()
        """Whole messages of views that are not installed here yet, in order."""
        self._held_bytes = 0
        self._broken_view = 0
        """The newest view of which messages could not be held: the rest of it is lost with them."""

    def take(self, chunk: Chunk) -> tuple[int, bytes] | None:
        """Take the next chunk; a repeated one changes nothing, and neither does one after a gap.

        (After a gap: the tail of a link that broke; the sender repeats from the gap on another link.) Returns the
        view and payload of the message that is complete now.
        """
        self.unacknowledged_chunks += 1
        if chunk.sequence != self.received + 1:
            return None
        self.received = chunk.sequence
        self.unacknowledged_bytes += len(chunk.data)
        self._parts.append(chunk.data)
        self.partial_bytes += len(chunk.data)
        if not chunk.last and not chunk.cut:
            return None
        parts, self._parts, self.partial_bytes = self._parts, [], 0
        if chunk.cut:
            return None
        return chunk.view, parts[0] if len(parts) == 1 else b"".join(parts)

    def acknowledge(self) -> int:
        """The number to acknowledge now."""
        self.unacknowledged_bytes = 0
        self.unacknowledged_chunks = 0
        return self.received

    def hold(self, view: int, payload: bytes) -> bool:
        """Keep a message until its view is installed. False when too much is held: it and its successors are lost."""
        if view <= self._broken_view or self._held_bytes + len(payload) > HELD_BYTES_MAX:
            self._broken_view = max(view, self._broken_view)
            return False
        self.held.append((view, payload))
        self._held_bytes += len(payload)
        return True

    def is_broken_in(self, view: int) -> bool:
        """Whether messages of this view were lost here, so that no later one of it may be delivered."""
        return view <= self._broken_view

    def release(self, view: int) -> list[bytes]:
        """The held messages of this view, in order; those of earlier views are forgotten, later ones stay."""
        ready = [payload for number, payload in self.held if number == view]
        self.held = deque((number, payload) for number, payload in self.held if number > view)
        self._held_bytes = sum(len(payload) for _, payload in self.held)
        return ready
