"""From one view to the next: who came along, who left and who was lost."""

import msgspec

from heartbeat.detector import Detector
from heartbeat.messages import Member, View
from ipc.note import Note
from ipc.units import Milliseconds


class Installed(msgspec.Struct, frozen=True):
    """This node is in a new view."""

    view: View
    left: tuple[str, ...]
    lost: tuple[str, ...]
    detected_at: Milliseconds
    still_heard: tuple[str, ...]
    """Members of the view before that are not in this one, although this node hears them: they went on without it."""


def succeed(
    me: Member, before: View | None, view: View, origins: tuple[int, ...], detector: Detector, now: Milliseconds
) -> Installed:
    """What becomes of the members of the view before.

    `origins`: for each member of the new view, in order, the number of the view that it comes from. One that is here
    and was elsewhere in between is lost too, and joins: it missed what happened in the view before.
    """
    origin = dict(zip(view.members, origins, strict=True))
    left: list[Member] = []
    lost: list[Member] = []
    for member in before.members if before is not None else ():
        assert before is not None
        if member != me and origin.get(member) != before.number:
            (left if detector.said_goodbye(member) else lost).append(member)
    times = [detector.lost_at(member) for member in lost]
    return Installed(
        view=view,
        left=tuple(member.name for member in left),
        lost=tuple(member.name for member in lost),
        detected_at=min((at if at is not None else now for at in times), default=Milliseconds(0)),
        still_heard=tuple(member.name for member in lost if member not in origin and member in detector.hears),
    )


def note_installed(installed: Installed) -> Note:
    """The log line of an installation."""
    view = installed.view
    fields: dict[str, str | int | bool] = {
        "view": view.number,
        "coordinator": view.coordinator,
        "members": ",".join(view.names),
    }
    if installed.left:
        fields["left"] = ",".join(installed.left)
    if installed.lost:
        fields["lost"] = ",".join(installed.lost)
    return Note("notice", "view.installed", f"View {view.number} of {len(view.members)} nodes is installed", fields)
