"""The failure detector: which lives of which peers were heard within deadtime, with an exact timer for each peer."""

from collections.abc import Mapping
from dataclasses import dataclass

from heartbeat.messages import Member
from heartbeat.packets import Heartbeat
from ipc.note import Note
from ipc.timers import CancelTimer, SetTimer
from ipc.units import Milliseconds

TIMER_PREFIX = "detector."

DetectorEffect = SetTimer | CancelTimer | Note


@dataclass(slots=True)
class _Peer:
    """The newest life of a peer that was ever heard; it is kept after its death, so that it can't come back."""

    heartbeat: Heartbeat
    heard_at: Milliseconds
    alive: bool = True
    deaf_until: Milliseconds | None = None
    """Suspected for another reason than silence: its heartbeats do not count before then."""


class Detector:
    """Invariant: a life is in `heard` exactly while its newest heartbeat is younger than deadtime."""

    def __init__(self, deadtime_ms: int, warntime_ms: int) -> None:
        self._deadtime_ms = deadtime_ms
        self._warntime_ms = warntime_ms
        self._peers: dict[str, _Peer] = {}
        self._heard: dict[str, Heartbeat] = {}
        self._lost: dict[str, tuple[Member, Milliseconds]] = {}
        """The life of each peer that was lost last, and when."""
        self._goodbyes: dict[str, Member] = {}
        """The life of each peer that said goodbye last."""
        self._hears: tuple[Member, ...] = ()

    @property
    def heard(self) -> Mapping[str, Heartbeat]:
        """The newest heartbeat of each living peer, by name."""
        return self._heard

    @property
    def hears(self) -> tuple[Member, ...]:
        """The living peers' lives, sorted by name."""
        return self._hears

    def is_late(self, name: str, now: Milliseconds) -> bool:
        """Whether this peer has been silent for longer than warntime: another's word that it is dead is likely."""
        peer = self._peers.get(name)
        return peer is None or now - peer.heard_at > self._warntime_ms

    def said_goodbye(self, member: Member) -> bool:
        """Whether this life said that it leaves, even if a later life is here by now."""
        return self._goodbyes.get(member.name) == member

    def lost_at(self, member: Member) -> Milliseconds | None:
        """When this life was found dead here, None if it was not."""
        life, at = self._lost.get(member.name, (None, None))
        return at if life == member else None

    def last_heard_of(self, names: tuple[str, ...]) -> Milliseconds | None:
        """When any of these peers was heard last; None: never in this life of ours."""
        return max((peer.heard_at for name, peer in self._peers.items() if name in names), default=None)

    def receive(self, heartbeat: Heartbeat, now: Milliseconds) -> tuple[bool, list[DetectorEffect]]:
        """Take a peer's heartbeat. True when it says something new; old, repeated and reordered ones change nothing."""
        name = heartbeat.sender.name
        peer = self._peers.get(name)
        if peer is None:
            return True, self._appear(heartbeat, now)
        known = peer.heartbeat
        if heartbeat.sender.generation < known.sender.generation:
            return False, []
        if heartbeat.sender.generation > known.sender.generation:
            return True, self._replace(peer, heartbeat, now)
        if heartbeat.sequence <= known.sequence:
            return False, []
        if peer.deaf_until is not None:
            if now < peer.deaf_until:
                return False, []
            peer.deaf_until = None
        return self._renew(peer, heartbeat, now)

    def _appear(self, heartbeat: Heartbeat, now: Milliseconds) -> list[DetectorEffect]:
        self._peers[heartbeat.sender.name] = _Peer(heartbeat, now)
        self._live(heartbeat)
        return [self._timer(heartbeat.sender.name, now), _note_heard(heartbeat, "Heard")]

    def _replace(self, peer: _Peer, heartbeat: Heartbeat, now: Milliseconds) -> list[DetectorEffect]:
        effects: list[DetectorEffect] = []
        old = peer.heartbeat.sender
        if peer.alive:
            self._lost[old.name] = (old, now)
            if peer.heartbeat.status != "leaving":
                text = f"{old.name} began a new life before its silence was noticed; the old one is lost"
                effects.append(Note("notice", "peer.restarted", text, {"peer": old.name, "old": old.generation}))
        return [*effects, *self._appear(heartbeat, now)]

    def _renew(self, peer: _Peer, heartbeat: Heartbeat, now: Milliseconds) -> tuple[bool, list[DetectorEffect]]:
        effects: list[DetectorEffect] = []
        silent_ms = now - peer.heard_at
        changed = not _says_the_same(peer.heartbeat, heartbeat)
        peer.heartbeat = heartbeat
        peer.heard_at = now
        if not peer.alive:
            peer.alive = True
            self._live(heartbeat)
            return True, [self._timer(heartbeat.sender.name, now), _note_heard(heartbeat, "Hears again from")]
        self._hold(heartbeat)
        if silent_ms > self._warntime_ms:
            effects.append(
                Note(
                    "warning",
                    "peer.late",
                    f"Late heartbeat of {heartbeat.sender.name}: {silent_ms} ms after the one before",
                    {"peer": heartbeat.sender.name, "silent_ms": silent_ms},
                )
            )
        return changed, effects

    def expire(self, name: str, now: Milliseconds) -> tuple[bool, list[DetectorEffect]]:
        """A peer's timer fired. True when the peer is dead now.

        The timer is not moved by every heartbeat (with a hundred peers that would be most of the work): it is asked
        for again, at the exact time, when it fires for a peer that was heard since.
        """
        peer = self._peers.get(name)
        if peer is None or not peer.alive:
            return False, []
        if now < peer.heard_at + self._deadtime_ms:
            return False, [self._timer(name, peer.heard_at)]
        self._die(peer, now)
        silent_ms = now - peer.heard_at
        if peer.heartbeat.status == "leaving":
            return True, [Note("info", "peer.gone", f"{name} is gone, as it said", {"peer": name})]
        text = f"{name} is lost: nothing was heard from it for {silent_ms} ms"
        return True, [
            Note("notice", "peer.lost", text, {"peer": name, "last_heard_at": peer.heard_at, "silent_ms": silent_ms})
        ]

    def suspect(self, member: Member, reason: str, now: Milliseconds) -> list[DetectorEffect]:
        """Count a living peer as dead for deadtime, whatever it sends: messages to or from it were lost."""
        peer = self._peers.get(member.name)
        if peer is None or not peer.alive or peer.heartbeat.sender != member:
            return []
        self._die(peer, now)
        peer.deaf_until = Milliseconds(now + self._deadtime_ms)
        text = f"{member.name} is treated as lost for {self._deadtime_ms} ms: {reason}"
        return [
            CancelTimer(TIMER_PREFIX + member.name),
            Note("warning", "peer.suspected", text, {"peer": member.name}),
        ]

    def _live(self, heartbeat: Heartbeat) -> None:
        self._hold(heartbeat)
        if self._lost.get(heartbeat.sender.name, (None, 0))[0] == heartbeat.sender:
            del self._lost[heartbeat.sender.name]
        self._list_hears()

    def _hold(self, heartbeat: Heartbeat) -> None:
        self._heard[heartbeat.sender.name] = heartbeat
        if heartbeat.status == "leaving":
            self._goodbyes[heartbeat.sender.name] = heartbeat.sender

    def _die(self, peer: _Peer, now: Milliseconds) -> None:
        peer.alive = False
        self._lost[peer.heartbeat.sender.name] = (peer.heartbeat.sender, now)
        del self._heard[peer.heartbeat.sender.name]
        self._list_hears()

    def _list_hears(self) -> None:
        self._hears = tuple(sorted(heartbeat.sender for heartbeat in self._heard.values()))

    def _timer(self, name: str, heard_at: Milliseconds) -> SetTimer:
        return SetTimer(TIMER_PREFIX + name, Milliseconds(heard_at + self._deadtime_ms))


def _says_the_same(old: Heartbeat, new: Heartbeat) -> bool:
    return (
        old.view == new.view
        and old.hears == new.hears
        and old.status == new.status
        and old.ready == new.ready
        and old.controller == new.controller
        and old.installed == new.installed
    )


def _note_heard(heartbeat: Heartbeat, verb: str) -> Note:
    sender = heartbeat.sender
    return Note("info", "peer.heard", f"{verb} {sender.name}", {"peer": sender.name, "generation": sender.generation})
