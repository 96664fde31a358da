"""Fencing: makes sure that a lost node is really down."""
