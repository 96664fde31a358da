"""This node as a member: whose offer it accepts, what it tells that DC, and which orders it takes."""

from __future__ import annotations

from cib.history import HistoryPoint
from crmd.cib_view import CibView
from crmd.join import Allegiance, Verdict
from crmd.node_side import NodeEffect, NodeSide
from crmd.peer_messages import (
    NO_TERM,
    CancelOrder,
    DcStatus,
    ForgetOrder,
    JoinConfirm,
    JoinRequest,
    LeaveOrder,
    Offer,
    Order,
    OrderDone,
    Refuse,
    Term,
)
from crmd.post import Post
from ipc.units import Milliseconds
from lrmd.messages import OrderStamp, ResourceTable

OFFER_TIMER = "member.offer"
SILENCE_TIMER = "member.silence"
_SILENT_BEATS = 4

CLOCKS_APART_S = 5
"""A difference between a node's clock and the DC's that is worth a warning."""
STATUSES_BELIEVED = 3
"""So many of the DC's regular messages in a row have to show it."""


class MemberSide:
    """Owns this node's obedience. Invariant: an order is carried out only while `serving` its DC's very term."""

    def __init__(self, me: str, incarnation: int, node: NodeSide, cib: CibView, post: Post, beat_ms: int) -> None:
        self._me = me
        self._incarnation = incarnation
        self._node = node
        self._cib = cib
        self._post = post
        self._beat_ms = beat_ms
        self._allegiance = Allegiance()
        self._dc_incarnation = 0
        self._pending: Offer | None = None
        """The offer whose answer waits for lrmd's table."""
        self._acknowledged = False
        self.served = NO_TERM
        """The last term in which this node took orders."""
        self.joined_once = False
        """Whether this controller was in a running cluster since it started."""
        self.met_quorum = False
        """Whether this controller took part while there was quorum since it started."""
        self.status: DcStatus | None = None
        """What the DC said last."""
        self.stale = 0
        """How many offers and orders of a DC of the past were refused."""
        self._clocks_apart = False
        self._seen_otherwise = 0

    @property
    def term(self) -> Term:
        """The accepted DC's term; NO_TERM: nobody's."""
        return self._allegiance.term

    @property
    def serving(self) -> bool:
        """Whether orders are taken."""
        return self._allegiance.serving

    def is_new_controller(self, node: str, incarnation: int) -> bool:
        """Whether the accepted DC's controller is another one than that which made the offer."""
        return node == self.term.dc and incarnation != self._dc_incarnation

    def judge_offer(self, sender: str, offer: Offer) -> Verdict:
        """Judge an offer; a refused one is answered."""
        if offer.term.dc != sender:
            return Verdict.REFUSE
        verdict = self._allegiance.offered(offer.term)
        if verdict is Verdict.REFUSE:
            self.refuse(sender, offer.term, "an offer")
        else:
            self._pending, self._acknowledged = offer, False
            self._dc_incarnation = offer.incarnation
        return verdict

    def refuse(self, sender: str, term: Term, what: str) -> None:
        """Tell a DC of the past that it is one."""
        self.stale += 1
        newest = self._allegiance.newest
        self._post.note(
            "warning",
            "order.stale",
            f"{what} of {sender} (view {term.view}, round {term.round}) is refused: "
            f"{newest.dc or 'nobody'} is DC of view {newest.view}, round {newest.round}",
            dc=sender,
        )
        self._post.say(sender, Refuse(term, newest))

    def take_office(self, term: Term) -> bool:
        """This node is DC itself; False if another DC of that round was accepted."""
        if self._allegiance.offered(term) is not Verdict.ACCEPT:
            return False
        self._dc_incarnation = self._incarnation
        return True

    def forget_dc(self) -> None:
        """Obey nobody."""
        self._allegiance.forget()
        self._pending, self._acknowledged, self.status = None, False, None
        self._post.cancel(OFFER_TIMER, SILENCE_TIMER)

    # joining

    def answer_offer(self, stopping: bool, now: Milliseconds) -> None:
        """Tell the state, in full after lrmd's table came, or in short where the DC has it."""
        offer = self._pending
        assert offer is not None
        self._post.cancel(OFFER_TIMER)
        self.heard_dc(now)
        if offer.previous != NO_TERM and offer.previous == self.served:
            self._pending = None
            self._post.say(offer.term.dc, self.request(offer.term, None, stopping))
        elif self._node.connected:
            self._post.put(self._node.greet())

    def table_here(self, table: ResourceTable, stopping: bool) -> JoinRequest | None:
        """lrmd said what it has: the answer that waited for it, to be given to this node's own office if it is DC."""
        offer, self._pending = self._pending, None
        if offer is None:
            return None
        request = self.request(offer.term, table, stopping)
        self._post.say(offer.term.dc, request)
        return request

    def wait_for_table(self, offer: Offer) -> None:
        """As DC: one's own state is asked of lrmd as well."""
        self._pending = offer
        if self._node.connected:
            self._post.put(self._node.greet())

    def join_again(self) -> None:
        """Tell the DC all of this node's state once more, because lrmd was replaced; no orders are taken meanwhile."""
        self._pending = Offer(self.term, self._dc_incarnation, NO_TERM)
        self._acknowledged = False
        self._allegiance.serving = False

    def request(self, term: Term, table: ResourceTable | None, stopping: bool) -> JoinRequest:
        """What a DC must know of this node."""
        attributes = self._cib.transient(self._me) if self.joined_once else None
        return JoinRequest(
            term,
            self._incarnation,
            self._point(),
            table,
            self._node.unrecorded(),
            self._node.in_flight(),
            None if attributes is None else tuple(attributes.items()),
            stopping,
            not self.joined_once,
            self.met_quorum,
        )

    def _point(self) -> HistoryPoint:
        return self._cib.point()

    def acknowledged(self, term: Term) -> bool:
        """The DC took this node in; the replica is to follow it now. False if it is not this node's DC.

        While another offer of the same DC waits for its answer, this is about an earlier one: the DC will ask for a
        confirmation again when it has that answer, and only the last confirmation counts there.
        """
        if term != self.term or self._pending is not None:
            return False
        self._acknowledged = True
        return True

    def in_step(self, view: int, round_: int) -> bool:
        """The replica has the agreed document; whether that completes the join."""
        if not self._acknowledged or (view, round_) != (self.term.view, self.term.round):
            return False
        self._acknowledged = False
        return True

    def serve(self, *, quorate: bool) -> None:
        """The join is complete; `quorate`: the view has quorum."""
        self.serve_oneself(quorate=quorate)
        self._post.say(self.term.dc, JoinConfirm(self.term))

    def serve_oneself(self, *, quorate: bool) -> None:
        """This node is DC and its state is in the CIB."""
        self._allegiance.serving = True
        self.served = self.term
        self.joined_once = True
        self.quorum_changed(quorate=quorate)

    def quorum_changed(self, *, quorate: bool) -> None:
        """The view has quorum, or has none; it counts while this node takes part."""
        self.met_quorum = self.met_quorum or (quorate and self.serving)

    # the DC's signs of life

    def heard_dc(self, now: Milliseconds) -> None:
        """The DC is there."""
        if self.term.dc and self.term.dc != self._me:
            self._post.timer(SILENCE_TIMER, now + _SILENT_BEATS * self._beat_ms)

    def dc_status(self, sender: str, status: DcStatus, now: Milliseconds) -> bool:
        """The DC told its state; False if it is not this node's DC."""
        if status.term != self.term or sender != self.term.dc:
            return False
        self.status = status
        self.heard_dc(now)
        if status.wall:
            self._compare_clocks(self._cib.wall - status.wall)
        return True

    def _compare_clocks(self, ahead_s: int) -> None:
        """A failure's age is the DC's clock minus that of the node where it happened (`last-rc-change`)."""
        apart = abs(ahead_s) > CLOCKS_APART_S
        # One alone may have waited somewhere.
        self._seen_otherwise = self._seen_otherwise + 1 if apart != self._clocks_apart else 0
        if self._seen_otherwise < STATUSES_BELIEVED:
            return
        self._clocks_apart, self._seen_otherwise = apart, 0
        dc = self.term.dc
        if apart:
            text = (
                f"this node's clock is {abs(ahead_s)} s {'ahead of' if ahead_s > 0 else 'behind'} that of the DC {dc}: "
                "failure-timeout and rules with dates count wrongly by as much; let both follow one time server"
            )
            self._post.note("warning", "clock.apart", text, ahead_s=ahead_s)
        else:
            self._post.note("notice", "clock.agrees", f"this node's clock and that of the DC {dc} agree again")

    # orders

    def order(
        self, sender: str, order: Order | CancelOrder | ForgetOrder | LeaveOrder, now: Milliseconds
    ) -> list[NodeEffect] | None:
        """Carry an order out; None for a LeaveOrder that is taken (the caller leaves)."""
        term = _term_of(order.stamp)
        if sender == term.dc and term == self.term and not self.serving:
            key = order.operation.transition_key if isinstance(order, Order) else order.key
            self._post.say(sender, OrderDone(key, "refused", "this node is joining"))
            return []
        if sender != term.dc or not self._allegiance.obeys(term):
            self.refuse(sender, term, f"{type(order).__name__}")
            return []
        match order:
            case Order():
                return self._node.order(order, now)
            case CancelOrder():
                return self._node.cancel(order, now)
            case ForgetOrder():
                return self._node.forget(order, now)
            case LeaveOrder():
                self._post.say(sender, OrderDone(order.key, "done"))
                return None


def _term_of(stamp: OrderStamp) -> Term:
    return Term(stamp.view, stamp.round, stamp.dc)
