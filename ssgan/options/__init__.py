"""What a user can choose: options in groups, their checks, the command line, and earlier versions of them."""

from ssgan.options.config import Config, check_option, is_mathematics
from ssgan.options.declare import option
from ssgan.options.groups import DEFAULT_STEPS

__all__ = ["DEFAULT_STEPS", "Config", "check_option", "is_mathematics", "option"]
