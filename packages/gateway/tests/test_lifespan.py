"""Mounted apps are started in order and stopped in reverse."""

import pytest

from toolforge_gateway.lifespan import MountedLifespan, StartupFailed, start_all, stop_all


def recorder(name, seen):
    async def app(scope, receive, send):
        scope["state"]["name"] = name
        for _ in range(2):
            message = await receive()
            seen.append((name, message["type"]))
            await send({"type": f"{message['type']}.complete"})

    return app


def failing(message):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", **message})

    return app


async def broken(scope, receive, send):
    raise OSError("no disk")


async def without_lifespan(scope, receive, send):
    return


async def test_apps_start_in_order_and_stop_in_reverse():
    seen = []
    lifespans = [MountedLifespan(recorder(name, seen)) for name in "ab"]

    await start_all(lifespans)
    await stop_all(lifespans)

    starts = [("a", "lifespan.startup"), ("b", "lifespan.startup")]
    assert seen == [*starts, ("b", "lifespan.shutdown"), ("a", "lifespan.shutdown")]
    assert lifespans[0].state == {"name": "a"}


@pytest.mark.parametrize(
    ("message", "reason"), [({"message": "no database"}, "no database"), ({}, "could not start")]
)
async def test_an_app_that_cannot_start_stops_the_others(message, reason):
    seen = []

    with pytest.raises(StartupFailed, match=reason):
        await start_all([MountedLifespan(recorder("a", seen)), MountedLifespan(failing(message))])

    assert seen == [("a", "lifespan.startup"), ("a", "lifespan.shutdown")]


async def test_an_app_that_raises_while_starting_is_broken():
    with pytest.raises(OSError, match="no disk"):
        await start_all([MountedLifespan(broken)])


async def test_an_app_without_lifespan_just_serves():
    lifespan = MountedLifespan(without_lifespan)

    await lifespan.start()
    await lifespan.stop()

    assert lifespan.state == {}


async def test_stopping_what_never_started_does_nothing():
    await MountedLifespan(broken).stop()
