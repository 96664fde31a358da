"""How a tool fails: the base of every error that ends one. Imports nothing, since tools inside monitors load it."""


class Failure(Exception):
    """What was asked cannot be done. `rc` is the tool's exit code, `details` are further lines to print."""

    def __init__(self, rc: int, text: str, details: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.rc, self.text, self.details = rc, text, details
