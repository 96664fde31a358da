"""The promises of the design, each checked at the step that could break it; kept apart from what causes the trouble.

The numbers are those of the design's list: 1 one active instance, 2 one acting DC, 3 equal replicas, 4 acknowledged
changes survive, 5 nothing before fencing is confirmed, 6 every result counts, 7 in the end everything runs.

- `broken`: how a broken promise ends a run
- `membership`: generations, votes and views (what 2 and 3 rest on)
- `resources`: 1, 5, and that each order is carried out once
- `orders`: 2
- `cib`: 3 and 4
- `rest`: 6 and 7, when the cluster says that nothing is left to do
"""
