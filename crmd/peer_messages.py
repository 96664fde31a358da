"""What the controllers of a view tell each other, inside heartbeat's messages.

Each message is delivered within the view it was sent in, in its sender's order, or not at all; so a message never
speaks of another view, and whatever is unfinished when the view changes is told again in the join that follows.
What a DC sends carries its `Term`; a member takes it only from the DC that it accepted.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from cib.history import HistoryPoint
from cib.replica_messages import ReplicaMessage, Settled
from crmd.messages import ClientReply, ClientRequest
from lrmd.messages import Finished, Operation, OrderStamp, ResourceTable
from stonith.messages import FencerMessage


class Term(msgspec.Struct, frozen=True, order=True):
    """One DC's time in office: compared by view, then by election round within the view."""

    view: int
    round: int
    dc: str

    def newer(self, other: Term) -> bool:
        """Whether this is a later election than `other`'s; two DCs of one round are not newer than each other."""
        return (self.view, self.round) > (other.view, other.round)


NO_TERM = Term(0, 0, "")


class Vote(msgspec.Struct, frozen=True, tag=True):
    """To every member: I take part in this round, and this is what speaks for me."""

    view: int
    round: int
    incarnation: int
    is_dc: bool
    """I was the acting DC when the election began."""
    served: int
    """Members that I led then; where two partitions met, the larger one's DC stays."""
    uptime_minutes: int


class Offer(msgspec.Struct, frozen=True, tag=True):
    """DC to a member: I am the DC of this term; join me."""

    term: Term
    incarnation: int
    previous: Term
    """The DC's term before this one, if this member's state was recorded in it and nothing was missed since;
    otherwise NO_TERM. A member that served in exactly that term leaves out what the CIB has already."""


class Refuse(msgspec.Struct, frozen=True, tag=True):
    """To a DC whose offer or order is out of date: this is the term that I accepted."""

    term: Term
    accepted: Term


class JoinRequest(msgspec.Struct, frozen=True, tag=True):
    """Answer to Offer: what the DC must know of this node before it decides anything."""

    term: Term
    incarnation: int
    point: HistoryPoint
    """Where the history of this node's CIB stands."""
    table: ResourceTable | None
    """What lrmd knows, all of it; None where the DC's CIB has it (same DC, same controller, nothing missed)."""
    unrecorded: tuple[Finished, ...]
    """Results that were not seen in the CIB, oldest first."""
    in_flight: tuple[Operation, ...]
    """Operations that were ordered here and have no result yet; a new DC waits for them, and repeats none."""
    attributes: tuple[tuple[str, str], ...] | None
    """This node's transient attributes as its own replica has them; they count with a table only. None: it has been
    in no cluster yet."""
    stopping: bool
    """This node was asked to stop."""
    cold: bool
    """This controller has not been in a running cluster since it started."""
    met_quorum: bool = False
    """This controller has taken part in a view with quorum since it started."""


class FetchCib(msgspec.Struct, frozen=True, tag=True):
    """DC to the member whose CIB was chosen: send it."""

    term: Term


class CibHere(msgspec.Struct, frozen=True, tag=True):
    """A whole document and where its history stands."""

    term: Term
    document: bytes
    point: HistoryPoint
    settled: tuple[Settled, ...]
    """The writes that the document contains, so that none is carried out twice."""


class JoinAck(msgspec.Struct, frozen=True, tag=True):
    """DC to a member: you are in. The replicas then see to it that all have the agreed document."""

    term: Term


class JoinConfirm(msgspec.Struct, frozen=True, tag=True):
    """Member to DC: my replica is at the agreed version, and I take orders from you."""

    term: Term


class DcStatus(msgspec.Struct, frozen=True, tag=True):
    """DC to every member: at each change, and regularly as a sign of life."""

    term: Term
    fsa_state: str
    idle: bool
    advice: tuple[str, ...] = ()
    wall: int = 0
    """The DC's wall clock in seconds, in the regular ones; else 0."""


class VotersCommitted(msgspec.Struct, frozen=True, tag=True):
    """DC to every member: these nodes have a vote, by a configuration that no crash can undo."""

    term: Term
    nodes: tuple[str, ...]


class Order(msgspec.Struct, frozen=True, tag=True):
    """Run an operation. Its result comes back in Results, with the operation's transition key."""

    stamp: OrderStamp
    operation: Operation


class CancelOrder(msgspec.Struct, frozen=True, tag=True):
    """Stop a recurring operation. Answered with OrderDone."""

    stamp: OrderStamp
    key: str
    """The transition key of the cancel action."""
    resource: str
    action: str
    interval_ms: int


class ForgetOrder(msgspec.Struct, frozen=True, tag=True):
    """Drop what lrmd remembers of a resource. Answered with OrderDone."""

    stamp: OrderStamp
    key: str
    resource: str


class LeaveOrder(msgspec.Struct, frozen=True, tag=True):
    """do_shutdown: nothing runs on the member any more; it may leave."""

    stamp: OrderStamp
    key: str


class OrderDone(msgspec.Struct, frozen=True, tag=True):
    """Answer to an order whose outcome is not kept in the history, or that was not taken."""

    key: str
    outcome: Literal["done", "failed", "refused"]
    reason: str = ""


class Results(msgspec.Struct, frozen=True, tag=True):
    """Member to DC: results to be written into the CIB, oldest first. Sent again until Recorded says so."""

    results: tuple[Finished, ...]


class ResultKey(msgspec.Struct, frozen=True):
    """What tells one result of a node from all others of its lrmd."""

    call_id: int
    exit_code: int
    status: int
    changed_at: int


def result_key(result: Finished) -> ResultKey:
    """The key of a result."""
    return ResultKey(result.call_id, result.exit_code, int(result.status), result.changed_at)


class Recorded(msgspec.Struct, frozen=True, tag=True):
    """DC to member, after the patch that holds them: these results are in the CIB."""

    keys: tuple[ResultKey, ...]


class Forward(msgspec.Struct, frozen=True, tag=True):
    """Member to DC: a tool's request that only the DC can answer."""

    number: int
    request: ClientRequest
    user: str


class ForwardAnswer(msgspec.Struct, frozen=True, tag=True):
    """Answer to Forward."""

    number: int
    reply: ClientReply


class OfReplica(msgspec.Struct, frozen=True, tag=True):
    """A message between replicas of the CIB."""

    message: ReplicaMessage


class OfFencer(msgspec.Struct, frozen=True, tag=True):
    """A message between fencers."""

    message: FencerMessage


PeerMessage = (
    Vote
    | Offer
    | Refuse
    | JoinRequest
    | FetchCib
    | CibHere
    | JoinAck
    | JoinConfirm
    | DcStatus
    | VotersCommitted
    | Order
    | CancelOrder
    | ForgetOrder
    | LeaveOrder
    | OrderDone
    | Results
    | Recorded
    | Forward
    | ForwardAnswer
    | OfReplica
    | OfFencer
)


class PeerMessageError(ValueError):
    """Bytes that are no message of a controller of this version."""


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[PeerMessage] = msgspec.msgpack.Decoder(PeerMessage)


def encode(message: PeerMessage) -> bytes:
    """The payload that heartbeat carries."""
    return _encoder.encode(message)


def decode(payload: bytes) -> PeerMessage:
    """Read a payload; raises PeerMessageError."""
    try:
        return _decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise PeerMessageError(f"not a controller's message: {error}") from error
