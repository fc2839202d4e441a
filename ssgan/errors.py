"""The errors that end a command, in words for its user."""


class UsageError(ValueError):
    """A mistake of the user: shown as one line, without a traceback; the command exits with status 2."""


class NonFiniteError(ArithmeticError):
    """A metric, or a variable that was to be saved, became NaN or infinite."""


class Stopped(Exception):
    """Training ended before its last step; the message says why and how to go on.

    Attributes:
        status: exit status of the command: 1 after an error, 128 + the signal's number after a signal.
    """

    def __init__(self, message: str, *, status: int):
        super().__init__(message)
        self.status = status
