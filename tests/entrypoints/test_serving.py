"""Servers end in order, whatever their clients do."""

import asyncio

from entrypoints import serving


async def wants_a_whole_body(scope, receive, send):
    if scope["type"] == "lifespan":
        for answer in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{answer}.complete"})
        return
    while (await receive())["more_body"]:
        pass


def test_a_client_that_dawdles_does_not_hold_up_the_end(run, monkeypatch):
    monkeypatch.setattr(serving, "LAST_ANSWERS_SECONDS", 0.1)
    listener = serving.bind(0)

    async def half_a_request():
        async with serving.serving(wants_a_whole_body, listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf")
            await writer.drain()
            await asyncio.sleep(0.2)
        writer.close()

    run(asyncio.wait_for(half_a_request(), 60))
