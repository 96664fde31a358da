"""The Cluster Information Base: one XML document, its versions, patches, checks, storage and replication.

XML elements stay inside this package (and the policy engine's unpacking); everything else gets typed values.
"""
