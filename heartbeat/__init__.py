"""The messaging layer: heartbeats, authenticated links, agreed views, quorum inputs, and the supervisor of the node.

It knows nothing of resources. What it tells the controller is in `messages`; how the controller reaches it, in
`client`.
"""
