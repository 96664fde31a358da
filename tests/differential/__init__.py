"""The policy engine beside Pacemaker's own, on documents made by chance.

`configuration`, `constraints` and `history` make a document, `decisions` asks both schedulers and compares what they
decide, `versions` knows where the installed Pacemaker is older than what we follow, `shrink` makes a document smaller
while the difference persists, and `search` does all that for many seeds:

    python -m tests.differential.search --seed 1 --count 1000
"""
