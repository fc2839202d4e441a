"""Figures to text and pictures."""

from ssgan.report.confusion import confusion_matrix
from ssgan.report.curves import learning_curves
from ssgan.report.grid import sample_grid
from ssgan.report.quality import format_quality
from ssgan.report.text import format_report, headline

__all__ = ["confusion_matrix", "format_quality", "format_report", "headline", "learning_curves", "sample_grid"]
