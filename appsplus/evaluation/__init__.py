"""From what a model wrote to what it is worth: so far, the program in a completion."""

from appsplus.evaluation.extraction import EXTRACTION_FAILED, NoProgram, Program, extract

__all__ = ["EXTRACTION_FAILED", "NoProgram", "Program", "extract"]
