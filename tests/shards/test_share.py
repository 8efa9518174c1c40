"""I/N: what is a share, and which records it takes."""

import pytest

from appsplus.errors import InputError
from appsplus.shards import Share, parse_share


@pytest.mark.parametrize(
    "text", ["0/4", "5/4", "x", "", "1", "1/", "/4", "1/0", "-1/4", "1.0/4", "1/4/2", "1 /4", "١/٤"]
)
def test_what_is_no_share_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(InputError, match=r"expected I/N with I from 1 to N, e\.g\. 2/8"):
        parse_share(text)


def test_a_share_is_read_as_it_is_written() -> None:
    assert parse_share("2/8") == Share(of=8, number=2)
    assert str(parse_share("2/8")) == "2/8"
    assert parse_share("1/1") == Share(1, 1)


def test_every_record_is_in_exactly_one_share() -> None:
    shares = [Share(4, number) for number in (1, 2, 3, 4)]
    assert [[i for i in range(10) if share.holds(i)] for share in shares] == [[0, 4, 8], [1, 5, 9], [2, 6], [3, 7]]
    assert [share.size(10) for share in shares] == [3, 3, 2, 2]
    assert [share.size(2) for share in shares] == [1, 1, 0, 0]


def test_a_share_that_does_not_exist_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="got 5/4"):
        Share(4, 5)
