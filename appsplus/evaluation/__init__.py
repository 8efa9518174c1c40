"""From what a model wrote to what it is worth: samples -> programs -> verdicts -> metrics -> results.

Read `samples` and `suite` (what is judged, on what), `judging` and `evaluate` (how), then `metrics`. What is written is in
`results`; `comparison` and `exports` read it again.
"""

from appsplus.evaluation.extraction import EXTRACTION_FAILED, NoProgram, Program, extract

__all__ = ["EXTRACTION_FAILED", "NoProgram", "Program", "extract"]
