"""The controller of a node: CIB replica, election and join, transition engine, attributes, fencing, client API.

What tools may ask is in `messages`, how they ask in `client`. Of all controllers of a view one is the Designated
Coordinator (DC): it alone orders changes of the CIB, asks the policy engine, and drives the transition graph.

The aggregate core is `controller` (events in, effects out: `events`), over the paths between its parts (`wiring`,
`post`):

- the state machine: `states`; who is DC: `election`; who obeys whom, who has joined: `join`
- this node: `member_side` (offers, orders), `node_side` (its executor), `workbook` (requests to lrmd), `recorder`
  (results on their way into the CIB), `shutdown` (stopping by itself)
- the DC: `coordinator` (when to join, record, compute), `conductor` (doing a graph, results, fencing) with
  `transition`, `orders`, `judgement`, `abort` and `attributes`; `desk` has what both ask for; `dc_clients` serves tools
- the CIB: `cib_side` (the replica within the controller), `cib_view` (what is read and written); `fence_side` and
  `fencing_link`: the fencer within the controller; `clients`: open requests of this node's tools; `advice`: sentences
- between nodes: `peer_messages`
"""
