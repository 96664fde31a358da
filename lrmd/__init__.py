"""The local executor: runs agents, recurring monitors, and keeps both going while crmd is down.

What it is asked and what it answers is in `messages`; how the controller reaches it, in `client`.
"""
