"""Sessions of the shell, as data."""
