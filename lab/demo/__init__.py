"""The demo: the example's web service on two nodes; a power cut, the takeover, the return, measured by a client.

- `stage`: the cluster of namespaces the story plays on
- `story`: what happens, and what is measured
- `report`: how it is told, as text and as JSON
- `command`: options, cleaning up; `interrupts`: Ctrl-C
"""
