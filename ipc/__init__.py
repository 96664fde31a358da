"""The leaf that every other package may import: units, frames, Unix sockets, directories and notes.

It knows nothing of clusters and imports nothing of ours; see docs/design/0001-contracts.md for why it exists.

- `units`: the two kinds of number that must not be mixed up, and node names
- `frames`: length-prefixed frames over any byte stream
- `tiny_msgpack`: the few msgpack types that thin tools need, without an import that costs milliseconds
- `unix`: asyncio Unix sockets with checked peer credentials
- `blocking`: the same client without asyncio, for tools and agents
- `directories`: where a node keeps its files
- `note`: an event with fields, as cores return it and as a log line shows it
- `timers`: named timers, as effects and as events
- `supervision`: what the supervisor and its children tell each other
"""
