"""The session core: messages arrive once, in order, within their view, whatever happens to the links."""

import random
from collections import deque

import pytest

from heartbeat.messages import Delivered, Member, View
from heartbeat.session import TURN_BYTES_MAX, Session
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
    SegmentReceived,
    SendPayload,
    SendSegment,
    SessionEffect,
    SessionEvent,
    StreamBroken,
)
from heartbeat.session_streams import HELD_BYTES_MAX, MESSAGE_BYTES_MAX, QUEUED_BYTES_MAX, WINDOW_BYTES, OutboundStream
from ipc.note import Note
from ipc.timers import SetTimer, TimerFired
from ipc.units import Milliseconds

A, B, C = Member("a", 1), Member("b", 1), Member("c", 1)
NOW = Milliseconds(0)


def view(number: int, *members: Member) -> View:
    return View(number, members[0].name, tuple(sorted(members)))


class Wire:
    """Sessions joined by links that keep order, until they break and lose what is on its way."""

    def __init__(self, *members: Member) -> None:
        self.sessions = {member: Session(member) for member in members}
        self.ends: dict[tuple[Member, int], Member] = {}
        self.travelling: dict[tuple[Member, int], deque[SendSegment]] = {}
        self.timers: list[tuple[Member, str]] = []
        self.delivered: dict[Member, list[tuple[str, int, bytes]]] = {member: [] for member in members}
        self.effects: list[SessionEffect] = []
        self.links = 0

    def give(self, member: Member, event: SessionEvent) -> list[SessionEffect]:
        effects = self.sessions[member].handle(event, NOW)
        self.effects += effects
        for effect in effects:
            match effect:
                case SendSegment(link=link):
                    if (member, link) in self.travelling:
                        self.travelling[member, link].append(effect)
                case CloseLink(link=link):
                    self.down(link)
                case SetTimer(name):
                    self.timers.append((member, name))
                case Delivered(sender, number, payload):
                    self.delivered[member].append((sender.name, number, payload))
        return effects

    def up(self, one: Member, other: Member) -> int:
        self.links += 1
        for here, there in ((one, other), (other, one)):
            self.ends[here, self.links] = there
            self.travelling[here, self.links] = deque()
        self.give(one, PeerLinkUp(other, self.links))
        self.give(other, PeerLinkUp(one, self.links))
        return self.links

    def down(self, link: int) -> None:
        for here, number in list(self.ends):
            if number == link and (here, link) in self.ends:
                there = self.ends.pop((here, link))
                self.travelling.pop((here, link), None)
                self.give(here, PeerLinkDown(there, link))

    def install(self, number: int, *members: Member) -> None:
        for member in members:
            self.give(member, MembersChanged(view(number, *members)))

    def step(self, choice: random.Random) -> bool:
        """Carry one segment, or fire one timer."""
        ready = [key for key, queue in self.travelling.items() if queue]
        if self.timers and (not ready or choice.random() < 0.3):
            member, name = self.timers.pop(0)
            self.give(member, TimerFired(name))
            return True
        if not ready:
            return False
        sender, link = choice.choice(ready)
        effect = self.travelling[sender, link].popleft()
        self.give(self.ends[sender, link], SegmentReceived(sender, link, effect.segment))
        return True

    def settle(self) -> None:
        choice = random.Random(0)
        steps = 0
        while self.step(choice):
            steps += 1
            assert steps < 100_000, "the sessions never come to rest"


@pytest.fixture
def pair() -> Wire:
    wire = Wire(A, B)
    wire.install(1, A, B)
    return wire


def test_a_message_is_delivered_within_the_view_it_was_sent_in(pair: Wire) -> None:
    pair.up(A, B)
    pair.give(A, SendPayload((), 1, b"hello"))
    pair.settle()
    assert pair.delivered[B] == [("a", 1, b"hello")]
    assert pair.delivered[A] == []


def test_messages_wait_until_a_link_is_there(pair: Wire) -> None:
    pair.give(A, SendPayload(("b",), 1, b"early"))
    pair.settle()
    assert pair.delivered[B] == []
    pair.up(A, B)
    pair.settle()
    assert pair.delivered[B] == [("a", 1, b"early")]


def test_only_those_who_are_named_get_a_message() -> None:
    wire = Wire(A, B, C)
    wire.install(1, A, B, C)
    for one, other in ((A, B), (A, C), (B, C)):
        wire.up(one, other)
    wire.give(A, SendPayload(("c",), 1, b"for c"))
    wire.give(A, SendPayload((), 1, b"for all"))
    wire.settle()
    assert wire.delivered[B] == [("a", 1, b"for all")]
    assert wire.delivered[C] == [("a", 1, b"for c"), ("a", 1, b"for all")]


def test_what_was_lost_with_a_link_is_sent_again_on_the_next_one(pair: Wire) -> None:
    first = pair.up(A, B)
    pair.settle()
    pair.give(A, SendPayload((), 1, b"one"))
    pair.down(first)
    pair.give(A, SendPayload((), 1, b"two"))
    pair.up(A, B)
    pair.settle()
    assert pair.delivered[B] == [("a", 1, b"one"), ("a", 1, b"two")]


def test_a_second_link_takes_over_at_once(pair: Wire) -> None:
    first = pair.up(A, B)
    pair.up(A, B)
    pair.settle()
    pair.give(A, SendPayload((), 1, b"one"))
    pair.down(first)
    pair.settle()
    assert pair.delivered[B] == [("a", 1, b"one")]


def test_a_large_message_travels_in_turns_of_bounded_size(pair: Wire) -> None:
    pair.up(A, B)
    pair.settle()
    payload = random.Random(1).randbytes(3 * WINDOW_BYTES)
    effects = pair.give(A, SendPayload((), 1, payload))
    sent = sum(len(e.segment.data) for e in effects if isinstance(e, SendSegment) and isinstance(e.segment, Chunk))
    assert sent == TURN_BYTES_MAX
    assert any(isinstance(effect, SetTimer) and effect.at == NOW for effect in effects)
    pair.settle()
    assert pair.delivered[B] == [("a", 1, payload)]


def test_without_acknowledgements_no_more_than_the_window_is_on_its_way() -> None:
    stream = OutboundStream()
    assert stream.queue(1, bytes(4 * WINDOW_BYTES))
    sent = 0
    while stream.can_send():
        sent += len(stream.next_chunk(16 * 1024, 0).data)
    assert sent == WINDOW_BYTES


def test_a_message_of_a_view_that_is_not_installed_here_yet_waits_for_it(pair: Wire) -> None:
    pair.up(A, B)
    pair.give(A, MembersChanged(view(2, A, B)))
    pair.give(A, SendPayload((), 2, b"new"))
    pair.settle()
    assert pair.delivered[B] == []
    pair.give(B, MembersChanged(view(2, A, B)))
    assert pair.delivered[B] == [("a", 2, b"new")]


def test_a_message_of_a_view_that_is_over_is_dropped_with_a_note(pair: Wire) -> None:
    pair.up(A, B)
    pair.settle()
    pair.give(A, SendPayload((), 1, b"old"))
    pair.give(B, MembersChanged(view(2, A, B)))
    pair.settle()
    assert pair.delivered[B] == []
    assert any(isinstance(effect, Note) and effect.event == "session.dropped" for effect in pair.effects)


def test_what_waits_for_a_view_that_never_comes_is_forgotten(pair: Wire) -> None:
    pair.up(A, B)
    pair.give(A, MembersChanged(view(2, A, B)))
    pair.give(A, SendPayload((), 2, b"lost"))
    pair.settle()
    pair.give(B, MembersChanged(view(3, A, B)))
    assert pair.delivered[B] == []


def test_a_message_for_a_view_that_the_sender_left_is_not_sent(pair: Wire) -> None:
    pair.up(A, B)
    pair.give(A, MembersLost())
    pair.give(A, SendPayload((), 1, b"late"))
    pair.settle()
    assert pair.delivered[B] == []


def test_a_half_sent_message_of_an_old_view_is_cut_and_the_next_one_is_whole(pair: Wire) -> None:
    pair.up(A, B)
    pair.settle()
    pair.give(A, SendPayload((), 1, bytes(4 * TURN_BYTES_MAX)))
    pair.install(2, A, B)
    pair.give(A, SendPayload((), 2, b"next"))
    pair.settle()
    assert pair.delivered[B] == [("a", 2, b"next")]


def test_a_new_life_of_a_peer_starts_with_empty_streams(pair: Wire) -> None:
    link = pair.up(A, B)
    pair.settle()
    pair.give(A, SendPayload((), 1, b"for the old life"))
    pair.down(link)
    reborn = Member("b", 2)
    pair.sessions[reborn], pair.delivered[reborn] = Session(reborn), []
    pair.up(A, reborn)
    pair.install(2, A, reborn)
    pair.give(A, SendPayload((), 2, b"for the new life"))
    pair.settle()
    assert pair.delivered[reborn] == [("a", 2, b"for the new life")]


def test_an_old_life_of_a_peer_gets_no_link_any_more(pair: Wire) -> None:
    reborn = Member("b", 2)
    pair.sessions[reborn], pair.delivered[reborn] = Session(reborn), []
    pair.up(A, reborn)
    effects = pair.give(A, PeerLinkUp(B, 99))
    assert effects == [CloseLink(B, 99, "an earlier life of this node")]


def test_nothing_is_queued_for_a_view_members_old_life_when_its_new_one_is_here(pair: Wire) -> None:
    reborn = Member("b", 2)
    pair.sessions[reborn], pair.delivered[reborn] = Session(reborn), []
    pair.up(A, reborn)
    pair.give(A, SendPayload((), 1, b"for the old life"))
    pair.settle()
    assert pair.delivered[reborn] == []


def test_a_new_life_of_this_node_closes_all_links(pair: Wire) -> None:
    link = pair.up(A, B)
    assert CloseLink(B, link, "this node begins a new life") in pair.give(A, LifeChanged(Member("a", 2)))


def test_an_acknowledgement_of_what_was_never_sent_costs_the_link(pair: Wire) -> None:
    link = pair.up(A, B)
    effects = pair.give(A, SegmentReceived(B, link, Ack(7)))
    assert effects[0] == CloseLink(B, link, "it acknowledges chunk 7, which was never sent")
    assert isinstance(effects[1], Note)


def test_a_segment_from_a_link_that_is_not_known_changes_nothing(pair: Wire) -> None:
    assert pair.give(A, SegmentReceived(B, 5, Chunk(1, 1, True, False, 0, b"x"))) == []
    assert pair.delivered[A] == []


def test_a_message_without_end_costs_the_link(pair: Wire) -> None:
    link = pair.up(A, B)
    piece = bytes(MESSAGE_BYTES_MAX)
    pair.give(A, SegmentReceived(B, link, Chunk(1, 1, False, False, 0, piece)))
    effects = pair.give(A, SegmentReceived(B, link, Chunk(2, 1, False, False, 0, b"more")))
    assert any(isinstance(effect, CloseLink) for effect in effects)


def test_a_peer_that_takes_nothing_breaks_its_stream_and_later_messages_of_the_view_are_not_sent(pair: Wire) -> None:
    block = bytes(QUEUED_BYTES_MAX // 4)
    for _ in range(4):
        assert pair.give(A, SendPayload((), 1, block)) == []
    broken = pair.give(A, SendPayload((), 1, b"x"))
    assert [type(effect) for effect in broken] == [StreamBroken]
    pair.install(2, A, B)
    assert pair.give(A, SendPayload((), 2, b"x")) == []


def test_more_than_can_be_held_for_a_later_view_breaks_the_stream_without_a_hole(pair: Wire) -> None:
    link = pair.up(A, B)
    block = bytes(HELD_BYTES_MAX // 2 + 1)
    for number, data in enumerate((block, block, b"after the hole"), start=1):
        effects = pair.give(A, SegmentReceived(B, link, Chunk(number, 2, True, False, 0, data)))
        assert any(isinstance(effect, StreamBroken) for effect in effects) == (number > 1)
    pair.give(A, MembersChanged(view(2, A, B)))
    pair.give(A, SegmentReceived(B, link, Chunk(4, 2, True, False, 0, b"after the hole too")))
    assert [len(payload) for _, _, payload in pair.delivered[A]] == [len(block)]


def test_every_link_begins_with_what_this_side_has() -> None:
    session = Session(A)
    assert session.handle(PeerLinkUp(B, 1), NOW) == [SendSegment(B, 1, Resume(0))]


@pytest.mark.parametrize("seed", range(60))
def test_links_that_break_at_random_lose_repeat_and_reorder_nothing(seed: int) -> None:
    choice = random.Random(seed)
    wire = Wire(A, B, C)
    members = (A, B, C)
    wire.install(1, *members)
    sent: dict[tuple[Member, Member], list[tuple[str, int, bytes]]] = {(x, y): [] for x in members for y in members}
    live: list[int] = []
    for number in range(120):
        roll = choice.random()
        if roll < 0.15:
            live.append(wire.up(*choice.sample(members, 2)))
        elif roll < 0.25 and live:
            wire.down(live.pop(choice.randrange(len(live))))
        elif roll < 0.6:
            sender = choice.choice(members)
            to = tuple(sorted(m.name for m in choice.sample(members, choice.randint(0, 2))))
            payload = b"%d " % number + bytes(choice.choice((0, 10, 20_000, 200_000)))
            wire.give(sender, SendPayload(to, 1, payload))
            for other in members:
                if other != sender and (not to or other.name in to):
                    sent[sender, other].append((sender.name, 1, payload))
        for _ in range(choice.randrange(12)):
            wire.step(choice)
    for one, other in ((A, B), (A, C), (B, C)):
        wire.up(one, other)
    wire.settle()
    for (sender, receiver), messages in sent.items():
        assert [m for m in wire.delivered[receiver] if m[0] == sender.name] == messages


@pytest.mark.parametrize("seed", range(40))
def test_views_that_change_at_random_never_let_a_message_out_of_its_view_or_leave_a_hole(seed: int) -> None:
    choice = random.Random(seed)
    wire = Wire(A, B)
    current = {A: 0, B: 0}
    sent: dict[tuple[Member, int], list[bytes]] = {}
    link: int | None = None
    number = 0
    for index in range(150):
        roll = choice.random()
        if roll < 0.1:
            if link is None:
                link = wire.up(A, B)
            else:
                wire.down(link)
                link = None
        elif roll < 0.15:
            number += 1
        elif roll < 0.3:
            member = choice.choice((A, B))
            if current[member] < number:
                current[member] = number
                before = len(wire.delivered[member])
                wire.give(member, MembersChanged(view(number, A, B)))
                assert all(v == number for _, v, _ in wire.delivered[member][before:])
        elif roll < 0.7:
            member = choice.choice((A, B))
            if current[member]:
                payload = b"%d " % index + bytes(choice.choice((0, 100_000)))
                wire.give(member, SendPayload((), current[member], payload))
                sent.setdefault((member, current[member]), []).append(payload)
        for _ in range(choice.randrange(10)):
            wire.step(choice)
    for receiver, sender in ((A, B), (B, A)):
        for at in range(1, number + 1):
            got = [payload for _, v, payload in wire.delivered[receiver] if v == at]
            assert got == sent.get((sender, at), [])[: len(got)], "what a view delivers is a beginning of what was sent"
