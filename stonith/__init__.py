"""Fencing: making sure that a lost node is really down.

- `device`: a fencing device as the configuration describes it, and the topology of levels
- `hosts`: which nodes a device can fence, and under which names it knows them
- `metadata`: what a fence agent says of itself
- `messages`: records of the history and what fencers of different nodes tell each other
- `events`: what a fencer is told and what it asks for
- `plan`: the steps that fence a target with the devices at hand
- `arsenal`: the devices at hand and what is known of their agents
- `runs`: the agents that are running
- `campaign`: one target that is being fenced
- `history`: the records that all nodes share
- `fencer`: the core, `Fencer.handle(event, now) -> list[Effect]`

The messages, timeouts and the safety argument are in docs/design/0013-fencing.md.
"""
