"""The leaderboard: results that were checked, as a static site.

    board = make_board(paths, suite, Rejudging(engine, again))   validate each submission, judge a share of it again
    write_site(board, out)                                       pages, raw results, leaderboard.json

Read `board` first, then `validation` and `rejudging` (who may stand in the table), `standings` and `tables` (who stands
where), `pages` and `site` (what it looks like).
"""

from appsplus.evaluation.leaderboard.board import SHARE, Board, Entry, Refusal, Rejudging, make_board
from appsplus.evaluation.leaderboard.site import check_site, write_site

__all__ = ["SHARE", "Board", "Entry", "Refusal", "Rejudging", "check_site", "make_board", "write_site"]
