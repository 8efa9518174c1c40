"""What people ruled: an append-only ledger of JSON Lines, and what it does to problems.

decision.py    one line: its fields, its hash chain
standing.py    which decisions count, and for what: undo, agreement, adjudication
ledger.py      every decision, read; corrections and rulings for a problem
patch.py       a correction as a JSON Patch on `document`
files.py       the files of a folder; torn last lines
writer.py      appending
accounts.py    what the ledger came to in a build, for its manifest
"""

from appsplus.ledger.accounts import Accounts
from appsplus.ledger.decision import ACTIONS, REVIEWER_KINDS, RULINGS, Decision
from appsplus.ledger.ledger import Ledger
from appsplus.ledger.patch import document
from appsplus.ledger.standing import Standing
from appsplus.ledger.writer import LedgerWriter

__all__ = [
    "ACTIONS",
    "REVIEWER_KINDS",
    "RULINGS",
    "Accounts",
    "Decision",
    "Ledger",
    "LedgerWriter",
    "Standing",
    "document",
]
