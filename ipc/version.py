"""Which release this is; pyproject.toml says the same (a test compares them)."""

NAME = "pacekeeper"
VERSION = "0.1.0"
