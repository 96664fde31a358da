"""The open links of the daemon: read from, sent on, renewed when an interface came back, and told about when silent."""

import asyncio
from collections.abc import Callable

from heartbeat.links import Heard, LinkError, Receive, UdpLink
from ipc.note import Note
from ipc.units import Milliseconds


class LinkWatch:
    """Knows what people were told of each link; every change is told once."""

    def __init__(
        self, silent_after: Milliseconds, receive: Receive, note: Callable[[Note], None], renewed: Callable[[], None]
    ) -> None:
        """`receive` gets each datagram; `renewed` is called after links got new sockets."""
        self._silent_after = silent_after
        self._receive = receive
        self._note = note
        self._renewed = renewed
        self.links: list[UdpLink] = []
        self._failing: set[str] = set()
        """Links on which sending fails."""
        self._hears: dict[tuple[str, str], bool] = {}
        """(link, peer) -> whether the peer is heard there."""

    def begin(self, links: list[UdpLink]) -> None:
        """Read from these links from now on."""
        self.links = links
        for link in links:
            asyncio.get_running_loop().add_reader(link.socket.fileno(), link.receive, self._receive)

    def close(self) -> None:
        """Close all links."""
        for link in self.links:
            asyncio.get_running_loop().remove_reader(link.socket.fileno())
            link.close()

    def send(self, data: bytes, to: tuple[str, ...]) -> None:
        """Send on every link."""
        for link in self.links:
            error = link.send(data, to)
            if error is None and link.name in self._failing:
                self._failing.discard(link.name)
                self._note(Note("notice", "link.sends_again", f"Sending on {link.name} works again"))
            elif error is not None and link.name not in self._failing:
                self._failing.add(link.name)
                text = f"Sending on {link.name} fails: {error.strerror}"
                self._note(Note("warning", "link.send_failed", text, {"link": link.name}))

    def heard(self, link: UdpLink, peer: str, address: str, now: Milliseconds) -> None:
        """An authenticated datagram of this peer came on this link."""
        link.heard[peer] = Heard(address, now)
        self._tell(link, peer, hears=True)

    def look(self, now: Milliseconds) -> None:
        """From time to time: renew links whose interface came back, and tell which peers are silent where.

        (With a second link, nothing else shows that the first is dead, until it is needed.)
        """
        self._renew()
        for link in self.links:
            for peer, heard in link.heard.items():
                self._tell(link, peer, hears=now - heard.at <= self._silent_after)

    def _tell(self, link: UdpLink, peer: str, *, hears: bool) -> None:
        if self._hears.get((link.name, peer), False) == hears:
            return
        self._hears[link.name, peer] = hears
        fields: dict[str, str | int | bool] = {"link": link.name, "peer": peer}
        if hears:
            self._note(Note("info", "link.up", f"{peer} is heard on {link.name}", fields))
        else:
            self._note(Note("warning", "link.silent", f"{peer} is not heard on {link.name} any more", fields))

    def _renew(self) -> None:
        """An interface that was taken away and came back (or got its address late) needs new sockets."""
        loop = asyncio.get_running_loop()
        renewed = False
        for link in self.links:
            if not link.is_stale():
                continue
            loop.remove_reader(link.socket.fileno())
            try:
                link.renew()
                renewed = True
                self._note(Note("notice", "link.renewed", f"{link.name} is opened again", {"link": link.name}))
            except LinkError as error:
                if link.name not in self._failing:
                    self._failing.add(link.name)
                    self._note(Note("warning", "link.lost", str(error), {"link": link.name}))
            loop.add_reader(link.socket.fileno(), link.receive, self._receive)
        if renewed:
            self._renewed()
