"""The one error a user is meant to read."""


class KitError(Exception):
    """Bad input or a condition the user can mend: its text names the file, the value and what to do.

    Command lines print the text and exit with status 2; no stack trace is shown.
    """
