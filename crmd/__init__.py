"""The controller of a node: CIB replica, election and join, transition engine, attributes, fencing, client API.

What tools may ask is in `messages`, how they ask in `client`. Of all controllers of a view one is the Designated
Coordinator (DC): it alone orders changes of the CIB, asks the policy engine, and drives the transition graph.
"""
