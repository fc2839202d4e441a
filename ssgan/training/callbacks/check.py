"""A look at the callbacks that a user gives."""

from collections.abc import Sequence

import keras

from ssgan.errors import UsageError


def check_callbacks(callbacks: Sequence[keras.callbacks.Callback] | None) -> list[keras.callbacks.Callback]:
    """Returns the callbacks as a list; None for none.

    Raises:
        UsageError: if one of them is none of Keras'.
    """
    given = [] if callbacks is None else callbacks
    is_list = isinstance(given, list | tuple)
    wrong = [one for one in given if not isinstance(one, keras.callbacks.Callback)] if is_list else [given]
    if wrong:
        raise UsageError(f"callbacks hold a {type(wrong[0]).__name__}; expected a list of keras.callbacks.Callback")
    return list(given)
