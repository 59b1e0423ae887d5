"""What the composition adds to the parts."""

import asyncio
import threading

from structlog.testing import capture_logs

from toolforge_dev.composition import repeated

DEADLINE = 10


async def test_work_is_repeated_even_if_it_fails():
    done = []
    is_enough = threading.Event()

    def work():
        done.append(threading.current_thread())
        if len(done) == 3:
            is_enough.set()
        raise OSError("the disk is full")

    with capture_logs() as logs:
        async with repeated(work, 0):
            assert await asyncio.to_thread(is_enough.wait, DEADLINE)

    assert threading.main_thread() not in done
    assert {entry["event"] for entry in logs} == {"repeated_work_failed"}


async def test_leaving_waits_for_work_under_way():
    has_begun, may_end = threading.Event(), threading.Event()
    ended = []

    def work():
        has_begun.set()
        ended.append(may_end.wait(DEADLINE))

    async with repeated(work, 0):
        await asyncio.to_thread(has_begun.wait, DEADLINE)
        asyncio.get_running_loop().call_soon(may_end.set)

    assert ended
    assert all(ended)


async def test_work_that_is_not_due_is_not_done():
    done = []

    async with repeated(lambda: done.append(1), 3600):
        await asyncio.sleep(0)

    assert done == []
