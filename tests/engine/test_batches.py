"""Batches: a share of what waits, in its order, and what is not wanted any more left out."""

from concurrent.futures import Future

from appsplus.engine.batches import LARGEST_CHARS, LARGEST_S, Pending, Waiting


def waiting(name: str, expected_s: float, chars: int = 10) -> Waiting:
    return Waiting(name, (name, ()), Future(), expected_s, chars)


def pending(*given: Waiting, longest_first: bool = False) -> Pending:
    found = Pending(longest_first=longest_first)
    for one in given:
        found.add(one)
    return found


def names(batch: list[Waiting]) -> str:
    return "".join(one.key for one in batch)


def taken(found: Pending, takers: int) -> list[str]:
    batches = []
    while found:
        batches.append(names(found.take(takers)))
    return batches


def test_a_batch_is_a_share_of_what_waits_and_grows_small_towards_the_end() -> None:
    found = pending(*(waiting(name, 0.0625) for name in "abcdefgh"))  # half a second
    assert taken(found, 2) == ["abcd", "ef", "g", "h"]


def test_no_batch_is_expected_to_take_longer_than_the_largest_unless_one_question_alone_does() -> None:
    found = pending(*(waiting(name, 0.4 * LARGEST_S) for name in "abcd"), waiting("e", 9.0), waiting("f", 9.0))
    assert taken(found, 1) == ["ab", "cd", "e", "f"]


def test_no_batch_carries_more_than_the_largest_number_of_characters() -> None:
    found = pending(*(waiting(name, 0.001, LARGEST_CHARS // 2) for name in "abc"))
    assert taken(found, 1) == ["ab", "c"]


def test_what_was_cancelled_is_left_out() -> None:
    given = [waiting(name, 0.1) for name in "abc"]
    given[0].future.cancel()
    given[2].future.cancel()
    assert taken(pending(*given), 1) == ["b"]


def test_what_is_suspected_goes_first_and_alone() -> None:
    found = pending(*(waiting(name, 0.125) for name in "abc"))
    suspect = waiting("s", 0.125)
    assert suspect.future.set_running_or_notify_cancel()  # it was asked before
    suspect.travels_alone = True
    found.add(suspect, first=True)
    assert taken(found, 1) == ["s", "abc"]


def test_the_longest_go_first_where_that_is_asked_for() -> None:
    found = pending(waiting("a", 0.1), waiting("b", 0.9), waiting("c", 0.1), waiting("d", 0.5), longest_first=True)
    assert taken(found, 100) == ["b", "d", "a", "c"]


def test_draining_leaves_nothing() -> None:
    found = pending(*(waiting(name, 0.1) for name in "abc"))
    assert names(found.drain()) == "abc"
    assert (len(found), found.take(1)) == (0, [])
