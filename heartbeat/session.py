"""Reliable, ordered messages between the members' controllers, over any number of links to each peer (pure core).

For each ordered pair of lives (a life is a node's name with its generation) there is one numbered stream of chunks.
The sender keeps what was not acknowledged, so that the stream goes on without loss or repetition on another link
when one ends. A message carries the number of the view it was sent in and is delivered only within that view.

The rules, and why they are safe, are in docs/design/0004-session.md.
"""

from heartbeat.messages import Delivered, Member, View
from heartbeat.session_messages import (
    Ack,
    Chunk,
    CloseLink,
    LifeChanged,
    MembersChanged,
    MembersLost,
    PeerLinkDown,
    PeerLinkUp,
    Resume,
    Segment,
    SegmentReceived,
    SendPayload,
    SendSegment,
    SessionEffect,
    SessionEvent,
    StreamBroken,
)
from heartbeat.session_streams import CHUNK_BYTES, HELD_BYTES_MAX, MESSAGE_BYTES_MAX, InboundStream, OutboundStream
from ipc.note import Note
from ipc.timers import SetTimer, TimerFired
from ipc.units import Milliseconds

TURN_BYTES_MAX = 64 * 1024
"""Stream data that one call of `handle` may send: the shell gets back to heartbeats between two turns."""

ACK_DELAY_MS = 50
"""How long an acknowledgement may wait for a chunk that takes it along."""

ACK_AT_ONCE_BYTES = 256 * 1024
"""So much received and not acknowledged is acknowledged at once, or the sender's window would run empty."""

TURN_TIMER = "session.turn"
ACK_TIMER = "session.ack"


class _Peer:
    """Both streams with one life of one peer, and the links that lead there."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.outbound = OutboundStream()
        self.inbound = InboundStream()
        self.links: list[int] = []
        """Links that are up, in the order in which they came up."""
        self.resumed: set[int] = set()
        """The links on which the peer said what it has: only these may carry our stream."""
        self.active: int | None = None
        """The link that carries our stream; chosen by us alone, the peer may use another one for its own."""


class Session:
    """All streams of one node. Owns the promise: each message once, in order, within its view, or not at all."""

    def __init__(self, me: Member) -> None:
        self._me = me
        self._peers: dict[str, _Peer] = {}
        self._view: View | None = None
        self._newest_view = 0
        self._turn_asked = False
        self._ack_asked = False

    def handle(self, event: SessionEvent, now: Milliseconds) -> list[SessionEffect]:
        """Take one event; the effects are to be performed in order."""
        effects: list[SessionEffect] = []
        match event:
            case PeerLinkUp(member, link):
                self._link_up(member, link, effects)
            case PeerLinkDown(member, link):
                self._link_down(member, link)
            case SegmentReceived(member, link, segment):
                self._received(member, link, segment, now, effects)
            case SendPayload(to, view, payload):
                self._queue(to, view, payload, effects)
            case MembersChanged(view):
                self._view_installed(view, effects)
            case MembersLost():
                self._view_lost()
            case LifeChanged(me):
                self._new_life(me, effects)
            case TimerFired(name):
                self._timer(name, effects)
        self._send_turn(now, effects)
        return effects

    # links

    def _link_up(self, member: Member, link: int, effects: list[SessionEffect]) -> None:
        peer = self._peers.get(member.name)
        if peer is not None and peer.member.generation > member.generation:
            effects.append(CloseLink(member, link, "an earlier life of this node"))
            return
        if peer is None or peer.member != member:
            peer = self._replace(member, effects)
        assert link not in peer.links, "the shell gives every connection a number of its own"
        peer.links.append(link)
        effects.append(SendSegment(member, link, Resume(received=peer.inbound.received)))

    def _replace(self, member: Member, effects: list[SessionEffect]) -> _Peer:
        """Streams start anew with each life: what was meant for the old one must not reach the new one."""
        old = self._peers.get(member.name)
        if old is not None:
            effects += [CloseLink(old.member, link, "a later life of this node is here") for link in old.links]
        peer = _Peer(member)
        self._peers[member.name] = peer
        return peer

    def _link_down(self, member: Member, link: int) -> None:
        peer = self._known(member)
        if peer is None or link not in peer.links:
            return
        peer.links.remove(link)
        peer.resumed.discard(link)
        if peer.active == link:
            peer.active = None
            self._choose_link(peer)

    def _choose_link(self, peer: _Peer) -> None:
        """Take the oldest link on which the peer told what it has; all that is not acknowledged is sent again there.

        What the peer told may be out of date, which costs repeated chunks (dropped by their number), never a gap.
        """
        for link in peer.links:
            if link in peer.resumed:
                peer.active = link
                peer.outbound.rewind()
                return

    def _known(self, member: Member) -> _Peer | None:
        peer = self._peers.get(member.name)
        return peer if peer is not None and peer.member == member else None

    # receiving

    def _received(
        self, member: Member, link: int, segment: Segment, now: Milliseconds, effects: list[SessionEffect]
    ) -> None:
        peer = self._known(member)
        if peer is None or link not in peer.links:
            return
        match segment:
            case Resume(received):
                if self._acknowledged(peer, link, received, effects):
                    peer.resumed.add(link)
                    if peer.active is None:
                        self._choose_link(peer)
            case Ack(received):
                self._acknowledged(peer, link, received, effects)
            case Chunk():
                if self._acknowledged(peer, link, segment.ack, effects):
                    self._chunk(peer, link, segment, now, effects)

    def _acknowledged(self, peer: _Peer, link: int, received: int, effects: list[SessionEffect]) -> bool:
        if peer.outbound.acknowledge(received):
            return True
        self._refuse(peer, link, f"it acknowledges chunk {received}, which was never sent", effects)
        return False

    def _chunk(self, peer: _Peer, link: int, chunk: Chunk, now: Milliseconds, effects: list[SessionEffect]) -> None:
        message = peer.inbound.take(chunk)
        if message is not None:
            self._deliver_or_hold(peer, *message, effects)
        elif peer.inbound.partial_bytes > MESSAGE_BYTES_MAX:
            self._refuse(peer, link, f"it sends a message of more than {MESSAGE_BYTES_MAX} bytes", effects)
            return
        self._plan_ack(peer, link, now, effects)

    def _plan_ack(self, peer: _Peer, link: int, now: Milliseconds, effects: list[SessionEffect]) -> None:
        if peer.inbound.unacknowledged_bytes >= ACK_AT_ONCE_BYTES:
            effects.append(SendSegment(peer.member, link, Ack(received=peer.inbound.acknowledge())))
        elif not self._ack_asked:
            self._ack_asked = True
            effects.append(SetTimer(ACK_TIMER, Milliseconds(now + ACK_DELAY_MS)))

    def _deliver_or_hold(self, peer: _Peer, view: int, payload: bytes, effects: list[SessionEffect]) -> None:
        current = self._view.number if self._view is not None else 0
        if view == current and self._is_member(peer.member) and not peer.inbound.is_broken_in(view):
            effects.append(Delivered(peer.member, view, payload))
        elif view > self._newest_view:
            if not peer.inbound.hold(view, payload):
                reason = f"more than {HELD_BYTES_MAX} bytes wait for a view that is not installed here"
                effects.append(StreamBroken(peer.member, reason))
        else:
            effects.append(
                Note(
                    "info",
                    "session.dropped",
                    f"A message of {peer.member.name} was sent in a view that is over",
                    {"peer": peer.member.name, "sent_in": view, "view": current},
                )
            )

    def _is_member(self, member: Member) -> bool:
        return self._view is not None and member in self._view.members

    def _refuse(self, peer: _Peer, link: int, reason: str, effects: list[SessionEffect]) -> None:
        """A peer that breaks the protocol loses the link; the streams stay as they were."""
        self._link_down(peer.member, link)
        effects.append(CloseLink(peer.member, link, reason))
        effects.append(
            Note(
                "error",
                "session.protocol",
                f"The stream of {peer.member.name} is closed: {reason}",
                {"peer": peer.member.name, "link": link},
            )
        )

    # sending

    def _queue(self, to: tuple[str, ...], view: int, payload: bytes, effects: list[SessionEffect]) -> None:
        if self._view is None or view != self._view.number:
            effects.append(
                Note(
                    "info",
                    "session.not_sent",
                    "A message for a view that is over was not sent",
                    {"sent_in": view, "view": self._view.number if self._view is not None else 0},
                )
            )
            return
        for member in self._view.members:
            if member.name == self._me.name or (to and member.name not in to):
                continue
            peer = self._peers.get(member.name)
            if peer is not None and peer.member.generation > member.generation:
                continue  # a later life is here already: nobody is left to read what the view's member should get
            if peer is None or peer.member != member:
                peer = self._replace(member, effects)
            if not peer.outbound.queue(view, payload):
                effects.append(StreamBroken(member, "it does not take what is sent to it; the queue is full"))

    def _send_turn(self, now: Milliseconds, effects: list[SessionEffect]) -> None:
        """Send what the windows allow, at most TURN_BYTES_MAX, the peers taking turns; ask for the next turn."""
        if self._turn_asked:
            return
        budget = TURN_BYTES_MAX
        ready = [peer for peer in self._peers.values() if peer.active is not None and peer.outbound.can_send()]
        while ready and budget > 0:
            for peer in list(ready):
                assert peer.active is not None
                chunk = peer.outbound.next_chunk(min(CHUNK_BYTES, budget), peer.inbound.acknowledge())
                budget -= len(chunk.data)
                effects.append(SendSegment(peer.member, peer.active, chunk))
                if not peer.outbound.can_send():
                    ready.remove(peer)
                if budget <= 0:
                    break
        if ready:
            self._turn_asked = True
            effects.append(SetTimer(TURN_TIMER, now))

    def _timer(self, name: str, effects: list[SessionEffect]) -> None:
        if name == TURN_TIMER:
            self._turn_asked = False
            self._rotate()
        elif name == ACK_TIMER:
            self._ack_asked = False
            for peer in self._peers.values():
                link = peer.active if peer.active is not None else next(iter(peer.links), None)
                if peer.inbound.unacknowledged_chunks and link is not None:
                    effects.append(SendSegment(peer.member, link, Ack(received=peer.inbound.acknowledge())))

    def _rotate(self) -> None:
        """Let another peer begin the next turn, so that none waits behind a large document for another."""
        if self._peers:
            name = next(iter(self._peers))
            self._peers[name] = self._peers.pop(name)

    # views

    def _view_installed(self, view: View, effects: list[SessionEffect]) -> None:
        assert view.number > self._newest_view, "view numbers only grow"
        self._view = view
        self._newest_view = view.number
        for member in view.members:
            peer = self._peers.get(member.name)
            if peer is not None and peer.member.generation < member.generation:
                self._replace(member, effects)
        for peer in self._peers.values():
            peer.outbound.drop_older_than(view.number)
            held = peer.inbound.release(view.number)
            if self._is_member(peer.member):
                effects += [Delivered(peer.member, view.number, payload) for payload in held]

    def _view_lost(self) -> None:
        self._view = None
        for peer in self._peers.values():
            peer.outbound.drop_older_than(self._newest_view + 1)

    def _new_life(self, me: Member, effects: list[SessionEffect]) -> None:
        assert me.name == self._me.name
        assert me.generation > self._me.generation
        for peer in self._peers.values():
            effects += [CloseLink(peer.member, link, "this node begins a new life") for link in peer.links]
        self._me = me
        self._peers = {}
        self._view = None
