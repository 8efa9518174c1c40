"""From what a model wrote to what it is worth: samples -> programs -> verdicts -> metrics -> results.

Read `samples` and `suite` (what is judged, on what), `judging` and `evaluate` (how), then `metrics`. What is written is in
`results`; `comparison` and `exports` read it again. Samples are made by `sampling`, which asks one of `backends` with the
prompts of `prompts` and writes through `sample_file`. `contamination` compares sets of problems with each other.
"""

from appsplus.evaluation.extraction import EXTRACTION_FAILED, NoProgram, Program, extract

__all__ = ["EXTRACTION_FAILED", "NoProgram", "Program", "extract"]
