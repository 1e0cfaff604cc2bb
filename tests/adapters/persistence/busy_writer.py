"""A process that commits payments with their events as fast as it can, until it is killed.

Prints the id of each payment after its commit was acknowledged.
"""

import asyncio
import os
import sys
from dataclasses import replace

from adapters.persistence.sql.store import SqlStore
from tests.adapters.persistence.making import Make


async def write_for_ever(url: str) -> None:
    store = await SqlStore.open(url)
    make = Make(count=int.from_bytes(os.urandom(8)))

    async def commit_one() -> None:
        payment = make.payment()
        async with store.work() as work:
            work.payments.save(payment)
            work.append(replace(make.message(), order_id=payment.id))
            await work.commit()
        os.write(1, f"{payment.id}\n".encode())

    async def go_on() -> None:
        while True:
            await commit_one()

    await asyncio.gather(*(go_on() for _ in range(32)))


if __name__ == "__main__":
    asyncio.run(write_for_ever(sys.argv[1]))
