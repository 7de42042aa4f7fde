"""The one error a user is meant to read."""


class KitError(Exception):
    """Bad input or a condition the user can mend: its text names the file, the value and what to do.

    Command lines print the text and exit with status 2; no stack trace is shown.
    """


class BadFile(KitError):
    """A file that is refused; `kind` names the reason in a word or two for machines: "yaml-aliases", "zip-bomb"."""

    def __init__(self, kind: str, text: str):
        super().__init__(text)
        self.kind = kind
