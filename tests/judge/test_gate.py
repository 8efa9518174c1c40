"""Many inside, or one alone."""

import threading
import time

from appsplus.judge.gate import Gate


def test_whoever_is_alone_has_nobody_beside() -> None:
    gate, inside, seen = Gate(), [0], []
    lock = threading.Lock()

    def work(alone: bool) -> None:
        with gate.alone() if alone else gate.shared():
            with lock:
                inside[0] += 1
            time.sleep(0.002)
            seen.append((alone, inside[0]))
            with lock:
                inside[0] -= 1

    threads = [threading.Thread(target=work, args=(i % 5 == 0,)) for i in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {count for alone, count in seen if alone} == {1}
    assert max(count for alone, count in seen if not alone) > 1
    assert len(seen) == 40
