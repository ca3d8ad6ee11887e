from factory.web.throttle import Throttle

KEY, OTHER = ("ada", "10.0.0.1"), ("ada", "10.0.0.2")


def failed(times: int, every_s: float = 1.0) -> Throttle:
    throttle = Throttle(limit=3, window_s=60.0)
    for attempt in range(times):
        throttle.failed(KEY, attempt * every_s)
    return throttle


def test_the_limit_locks_until_the_oldest_failure_has_left_the_window() -> None:
    throttle = failed(3)
    assert throttle.wait_s(KEY, 2.0) == 58.0
    assert throttle.wait_s(KEY, 59.9) > 0
    assert throttle.wait_s(KEY, 60.0) == 0


def test_fewer_failures_do_not_lock_nor_those_of_others() -> None:
    assert failed(2).wait_s(KEY, 2.0) == 0
    assert failed(3).wait_s(OTHER, 2.0) == 0


def test_a_success_forgets() -> None:
    throttle = failed(3)
    throttle.succeeded(KEY)
    assert throttle.wait_s(KEY, 2.0) == 0


def test_a_flood_of_names_cannot_fill_the_memory() -> None:
    throttle = Throttle(limit=1, window_s=60.0, most_keys=100)
    for number in range(1000):
        throttle.failed((str(number),), 0.0)
    assert throttle.wait_s(("899",), 1.0) == 0
    assert throttle.wait_s(("900",), 1.0) > 0
