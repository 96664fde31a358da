"""Checks against recorded results of the programs that this project replaces, where those are at hand."""
