"""One page with everything that was found out about a run; it needs nothing but itself."""

from ssgan.report.html.page import write_page

__all__ = ["write_page"]
