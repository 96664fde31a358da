"""The policy engine: from a cluster's document computes where everything runs and how to get there.

The way through it, in order:

* `unpack` reads the document into typed definitions (`state`); nothing after it sees XML.
* `scheduler.schedule` runs the stages: options, `nodes`, `resources`, `status` and `history` build the
  working data (`working`); `locations`, `colocations` and `order_constraints` unpack constraints;
  `assignment` (with `groups`, `clones`, `promotion`) chooses nodes and roles; `probes`, `actions`,
  `recurring`, `migration` and `fencing` create what must be done; `ordering` settles what depends on what;
  `graph_builder` makes the transition graph (`graph`).
* `worker` is the process that the controller keeps warm; `wire` is how a graph travels.

Semantics and vocabulary are Pacemaker's, so that its manual holds here too.
"""
