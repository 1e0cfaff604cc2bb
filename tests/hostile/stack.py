"""basepay as a process of its own, to be attacked: gateway, API and worker on a SQLite file.

Reads `{"accounts": …, "database": …}` as one line, tells where it listens and a key as one line,
and ends when its input does.
"""

import asyncio
import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from adapters.http.app import create_http
from adapters.persistence.sql.migrate import upgrade
from application.records import Caller
from entrypoints.bootstrap import running
from entrypoints.keys import add_key
from entrypoints.serving import bind, serving, url_of
from entrypoints.settings import check
from entrypoints.web import background


async def serve(given: dict[str, Any]) -> None:
    listener = bind(0)
    settings = check({"environment": "test", "public_url": url_of(listener), **given})
    upgrade(settings.database.url)
    async with running(settings) as basepay:
        now = datetime.now(UTC)
        shop, operator = [
            await add_key(basepay.store.directory, caller, now)
            for caller in (Caller("shop"), Caller("boss", operator=True))
        ]
        async with serving(create_http(basepay.app), listener), background(basepay):
            told = {"url": url_of(listener), "key": shop, "operator_key": operator}
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()
            await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    asyncio.run(serve(json.loads(sys.stdin.readline())))
