"""How the demo is told: for people as text, for programs as one JSON object."""

import msgspec

from lab.demo.story import Story, short


def as_text(story: Story) -> str:
    """The three moments as crm_mon shows them, then the measured moves."""
    parts = []
    for moment in story.moments:
        parts.append(f"--- {moment.name} " + "-" * (72 - len(moment.name)))
        parts.append(moment.snapshot.rstrip() + "\n")
    parts.append(f"{'':16}{'from':>8}{'to':>8}{'outage':>10}{'declared dead':>16}{'address':>10}{'started':>10}")
    parts += [
        f"{move.cause:16}{short(move.from_node):>8}{short(move.to):>8}{_ms(move.outage_ms):>10}"
        f"{_ms(move.declared_dead_ms):>16}{_ms(move.vip_ms):>10}{_ms(move.started_ms):>10}"
        for move in story.moves
    ]
    parts.append("\noutage: as a client saw it that opens a new connection every 20 ms;")
    parts.append("the other times count from the cause.")
    return "\n".join(parts) + "\n"


def as_json(story: Story) -> str:
    """One object: moves and moments."""
    return msgspec.json.encode(
        {
            "moves": story.moves,
            "moments": [{"name": moment.name, "resources": moment.resources} for moment in story.moments],
        }
    ).decode()


def _ms(value: int | None) -> str:
    return "-" if value is None else f"{value} ms"
