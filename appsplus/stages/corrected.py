"""Corrections that people made, before anything is checked, so that every later stage sees them."""

from appsplus.ledger import Ledger
from appsplus.problem import RawProblem


def corrected(raw: RawProblem, ledger: Ledger) -> RawProblem:
    """Apply the corrections in force, and put on record what became of every decision about the problem."""
    return ledger.reviewed(raw)
