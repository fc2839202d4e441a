"""What is in somebody's folder of pictures, and what is wrong with it."""

from ssgan.survey.figures import Survey, survey
from ssgan.survey.findings import Finding, findings

__all__ = ["Finding", "Survey", "findings", "survey"]
