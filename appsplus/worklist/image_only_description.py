"""`image_only_description`: what is to be done stands in a picture, in whole or, by the looks of it, in good part."""

import re
from collections.abc import Iterator

from appsplus.problem import Reason
from appsplus.release.worklist import WorkReason
from appsplus.worklist.case import Case, Doubt, cut

SLUG = "image_only_description"
_PICTURE = re.compile(
    r"!\[[^\]\n]{0,300}\](?:\([^)\n]{0,2000}\)|\[[^\]\n]{0,300}\])|<img\b[^>]{0,2000}>|<image>|\[image\]"
    r"|\\includegraphics[^\n]{0,300}",
    re.I,
)
_FEW_LETTERS = 300  # beside the pictures


def find(case: Case) -> Iterator[Doubt]:
    """The doubt whether the description can be understood without its pictures."""
    if case.reason not in (None, Reason.IMAGE_ONLY_DESCRIPTION):
        return
    description = case.raw.description
    pictures = _PICTURE.findall(description)
    letters = sum(map(str.isalpha, _PICTURE.sub(" ", description)))
    evidence = {"pictures": [cut(picture) for picture in pictures[:10]], "letters": letters}
    words = "write into the description what the picture says, or reject"
    if case.rejection is not None:
        yield Doubt(WorkReason(SLUG, case.rejection.detail, evidence, (), words), 0.4)
    elif pictures and letters < _FEW_LETTERS:
        detail = f"beside {len(pictures)} pictures, the description has {letters} letters"
        yield Doubt(WorkReason(SLUG, detail, evidence, (), words), 0.4)
