"""Corrections that people made, before anything is checked, so that every later stage sees them."""

from appsplus.ledger import Ledger
from appsplus.problem import RawProblem


def corrected(raw: RawProblem, ledger: Ledger) -> RawProblem:
    """Apply the ledger's corrections. One that was made on other content is stale, and not applied."""
    return ledger.corrected(raw)
