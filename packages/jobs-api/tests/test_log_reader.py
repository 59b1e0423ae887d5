"""Logs: the newest lines, those to come, and jobs that have none here."""

import asyncio

import pytest

from toolforge_common.errors import InvalidRequest, NotFound
from toolforge_common.names import ToolName
from toolforge_jobs_api.domain.jobs import JobType, NewJob
from toolforge_jobs_api.domain.log_reader import LogReader, require_followed

DEMO = ToolName("demo")
DEADLINE = 30


@pytest.fixture
def reader(runtime, service):
    return LogReader(runtime, service)


@pytest.fixture
def create(service):
    def create(name="job", *, filelog=False):
        asked = NewJob(
            name=name, job_type=JobType.ONE_OFF, cmd="x", imagename="bookworm", filelog=filelog
        )
        service.create(DEMO, asked)

    return create


def messages(lines):
    return [line.message for line in lines]


async def take(lines, count):
    async with asyncio.timeout(DEADLINE):
        return [await anext(lines) for _ in range(count)]


async def test_the_newest_lines_are_read_in_order(reader, create, runtime):
    create()
    for number in range(5):
        runtime.write(DEMO, "job", str(number))

    assert messages(await reader.read(DEMO, "job", 3)) == ["2", "3", "4"]


async def test_a_job_that_is_gone_still_has_its_lines(reader, create, runtime, service):
    create()
    runtime.write(DEMO, "job", "last words")
    service.delete(DEMO, "job")

    assert messages(await reader.read(DEMO, "job", 500)) == ["last words"]
    followed = await reader.follow(DEMO, "job", 500, None)
    assert messages(await take(followed, 1)) == ["last words"]
    await followed.aclose()


async def test_no_lines_are_not_found(reader, create):
    create()

    for name in ("job", "nobody"):
        with pytest.raises(NotFound, match=f"Job '{name}' does not have any logs available"):
            await reader.read(DEMO, name, 500)


async def test_a_job_that_has_not_written_yet_can_be_followed(reader, create, runtime):
    create()
    followed = await reader.follow(DEMO, "job", 500, None)
    first = asyncio.ensure_future(anext(followed))
    await asyncio.sleep(0)  # it waits now

    runtime.write(DEMO, "job", "hello")

    async with asyncio.timeout(DEADLINE):
        assert (await first).message == "hello"
    await followed.aclose()


async def test_nobody_cannot_be_followed(reader):
    with pytest.raises(NotFound, match="does not have any logs available"):
        await reader.follow(DEMO, "nobody", 500, None)


async def test_following_goes_on_behind_a_cursor(reader, create, runtime):
    create()
    for number in range(5):
        runtime.write(DEMO, "job", str(number))
    cursor = (await reader.read(DEMO, "job", 3))[0].cursor

    followed = await reader.follow(DEMO, "job", 1, cursor)

    assert messages(await take(followed, 1)) != ["4"]
    await followed.aclose()


async def test_following_begins_with_the_newest_lines(reader, create, runtime):
    create()
    for number in range(5):
        runtime.write(DEMO, "job", str(number))

    followed = await reader.follow(DEMO, "job", 2, None)

    assert messages(await take(followed, 2)) == ["3", "4"]
    await followed.aclose()


async def test_what_is_no_cursor_is_refused(reader, create):
    create()

    with pytest.raises(InvalidRequest):
        await reader.follow(DEMO, "job", 500, "no cursor")


async def test_output_that_goes_to_files_is_not_here(reader, create, runtime):
    create(filelog=True)
    runtime.write(DEMO, "job", "of an earlier job of that name")

    for answer in (
        lambda: reader.read(DEMO, "job", 500),
        lambda: reader.follow(DEMO, "job", 500, None),
    ):
        with pytest.raises(NotFound, match="'job' has file logging enabled") as caught:
            await answer()
        assert "/data/project/demo/job.out" in caught.value.hint


@pytest.mark.parametrize(("follow", "after"), [(True, None), (True, "1"), (False, None)])
def test_a_cursor_goes_with_following(follow, after):
    require_followed(follow=follow, after=after)


def test_a_cursor_alone_is_refused():
    with pytest.raises(InvalidRequest, match="follow=true"):
        require_followed(follow=False, after="1")
