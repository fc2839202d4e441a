"""What a user can choose: options in groups, their checks, the command line, and earlier versions of them."""

from ssgan.options.config import OWN, Config, check_option, is_mathematics
from ssgan.options.declare import option
from ssgan.options.groups import DEFAULT_LABELS, DEFAULT_SIZE, DEFAULT_STEPS, DEFAULT_VALIDATION, DISTRIBUTE

__all__ = [
    "DEFAULT_LABELS",
    "DEFAULT_SIZE",
    "DEFAULT_STEPS",
    "DEFAULT_VALIDATION",
    "DISTRIBUTE",
    "OWN",
    "Config",
    "check_option",
    "is_mathematics",
    "option",
]
