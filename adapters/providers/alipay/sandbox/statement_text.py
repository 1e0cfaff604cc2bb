"""What all texts of a bill have in common: comments, cells, codes, the zip. §7.2."""

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from adapters.providers.alipay.sandbox.china_time import CHINA
from adapters.providers.alipay.sandbox.parties import Parties

#: When Alipay makes the bill, at night; the same bill is the same file, byte for byte.
MADE_AT = "05:46:49"


def comments(title: str, listing: str, parties: Parties, day: date) -> list[str]:
    """The lines above the header: what it is, whose, and of which day."""
    start, end = (f"[{in_words(each)} 00:00:00]" for each in (day, day + timedelta(days=1)))
    return [
        f"#{title}",
        f"#账号：[{account_of(parties)}]",
        f"#起始日期：{start}   终止日期：{end}",
        f"#{'-' * 41}{listing}列表{'-' * 40}",
    ]


def ending(listing: str, totals: Iterable[str], day: date) -> list[str]:
    """The lines below the rows."""
    made_on = in_words(day + timedelta(days=1))
    return [
        f"#{'-' * 41}{listing}列表结束{'-' * 36}",
        *(f"#{total}" for total in totals),
        f"#导出时间：[{made_on} {MADE_AT}]",
    ]


def account_of(parties: Parties) -> str:
    """Twenty digits: the merchant's sixteen, and which of its accounts."""
    return f"{parties.seller_id}0156"


def in_words(day: date) -> str:
    """A day as comments write it."""
    return f"{day:%Y}年{day:%m}月{day:%d}日"


def signed_yuan(fen: int) -> str:
    """Yuan with two decimals, and a minus where money goes."""
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02}"


def line(cells: Sequence[str]) -> str:
    """Cells with commas between them; one with a comma or a quote in its text is quoted."""
    return ",".join(map(_cell, cells))


def zipped(texts: Mapping[str, Sequence[str]], codec: str, day: date) -> bytes:
    """The texts under names in GBK, without the flag that tells the letters of a name."""
    made = datetime.fromisoformat(f"{day + timedelta(days=1)}T{MADE_AT}").replace(tzinfo=CHINA)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, lines in texts.items():
            member = _Member(name, made.timetuple()[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            text = "".join(f"{each}\r\n" for each in lines)
            archive.writestr(member, text.encode(codec, "replace"))
    return packed.getvalue()


class _Member(zipfile.ZipInfo):
    """One text in the zip, named as Alipay names it."""

    __slots__ = ()

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - the library's own word
        return self.filename.encode("gbk"), self.flag_bits


def _cell(text: str) -> str:
    if any(sign in text for sign in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
