"""Bills as evidence, in memory."""

import asyncio
import hashlib
from datetime import date
from pathlib import Path

from application.ports import Unavailable
from application.reconciliation_records import StoredBill
from domain.bill import BillKind


class MemoryBillArchive:
    """Each with its bytes."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, date, BillKind], tuple[StoredBill, bytes]] = {}

    async def put(self, bill: StoredBill, file: str) -> None:
        """Keep it in place of an older one. Raises ValueError if the file is another one."""
        content = await asyncio.to_thread(Path(file).read_bytes)
        if (len(content), hashlib.sha256(content).hexdigest()) != (bill.size, bill.sha256):
            raise ValueError(f"{bill.name} is not the file that it is said to be")
        self._kept[bill.account, bill.day, bill.kind] = bill, content

    async def find(self, account: str, day: date, kind: BillKind) -> StoredBill | None:
        """What is kept."""
        await asyncio.sleep(0)
        bill, _ = self._kept.get((account, day, kind), (None, b""))
        return bill

    async def fetch(self, bill: StoredBill, target: str) -> None:
        """Write its bytes there. Raises Unavailable if they are not what was kept."""
        kept, content = self._kept.get((bill.account, bill.day, bill.kind), (None, b""))
        if kept is None or kept.sha256 != bill.sha256:
            raise Unavailable(f"{bill.name} was replaced or forgotten meanwhile")
        await asyncio.to_thread(Path(target).write_bytes, content)

    async def forget(self, before: date) -> int:
        """Delete the bills of days before this one; how many."""
        await asyncio.sleep(0)
        old = [key for key, (bill, _) in self._kept.items() if bill.day < before]
        for key in old:
            del self._kept[key]
        return len(old)
