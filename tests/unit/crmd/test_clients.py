"""What tools ask of a controller is answered to them and to nobody else."""

from cib.document import Document
from cib.history import HistoryPoint, start
from crmd.cib_view import CibView
from crmd.clients import ClientEffect, Clients, PassOn, Reply
from crmd.messages import Done, Fence, WaitIdle
from crmd.peer_messages import ForwardAnswer
from ipc.units import Milliseconds

NOW = Milliseconds(0)


class Empty:
    """A replica with nothing in it."""

    document = Document.from_bytes(b"<cib/>")

    @property
    def point(self) -> HistoryPoint:
        return start(self.document.version, "")


def clients(incarnation: int) -> Clients:
    return Clients("n1", CibView(Empty()), incarnation)


def passed_on(effects: list[ClientEffect]) -> int:
    (number,) = [effect.message.number for effect in effects if isinstance(effect, PassOn)]
    return number


def test_the_dcs_answer_comes_back_to_the_tool_that_asked() -> None:
    node = clients(incarnation=1000)
    first = passed_on(node.asked(7, Fence(1, "n2", "off"), "root", "stonith_admin", NOW))
    passed_on(node.asked(8, WaitIdle(2, 1000), "root", "crm", NOW))
    assert node.answered(ForwardAnswer(first, Done(0, "fenced"))) == [Reply(7, Done(1, "fenced"))]


def test_the_dcs_answer_to_an_earlier_controller_is_given_to_no_tool_of_its_successor() -> None:
    """Both requests are the first of their controller; the second tool would be told that its node was fenced."""
    before = passed_on(clients(incarnation=1000).asked(7, Fence(1, "n2", "off"), "root", "stonith_admin", NOW))
    node = clients(incarnation=1200)
    passed_on(node.asked(8, Fence(1, "n3", "off"), "root", "stonith_admin", NOW))
    assert node.answered(ForwardAnswer(before, Done(0, "n2 was fenced"))) == []
