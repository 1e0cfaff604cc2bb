"""The last 30 days of an account as one SVG: what the bill paid, and where something is open."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from html import escape

from application.export_reconciliation import DAYS
from application.reconciliation_records import DayFigures
from domain.money import Money

STEP, BAR, HEIGHT, LEFT, TOP = 24, 16, 160, 72, 46
WIDTH = LEFT + DAYS * STEP + 16

STYLE = """
text { font: 11px system-ui, "Noto Sans CJK SC", sans-serif; fill: #1c2430; }
.title { font-size: 15px; font-weight: 600; } .quiet { fill: #667085; }
.matched { fill: #2f7d5b; } .open { fill: #c2410c; } .none { fill: #98a2b3; }
.line { stroke: #d0d5dd; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6e9ef; } .quiet { fill: #98a2b3; } .line { stroke: #3a4353; }
  .matched { fill: #4ba77d; } .open { fill: #f2743c; }
}
"""


def picture(account: str, last: date, days: Mapping[date, DayFigures]) -> str:
    """The SVG; days without a finished run stay empty and say so."""
    shown = [last - timedelta(days=back) for back in reversed(range(DAYS))]
    most = max((abs(figures.net_fen) for figures in days.values()), default=0) or 1
    total = HEIGHT + TOP + 44
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total}" role="img">',
        f"<title>{escape(_title(account, last))}</title>",
        f"<desc>{escape(_told(shown, days))}</desc>",
        f"<style>{STYLE}</style>",
        f'<text class="title" x="16" y="24">{escape(_title(account, last))}</text>',
        *_scale(most),
        *(part for at, day in enumerate(shown) for part in _bar(at, day, days.get(day), most)),
        _legend(total),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _title(account: str, last: date) -> str:
    return f"对账 reconciliation · {account} · {DAYS} 天 days to {last}"


def _told(shown: Sequence[date], days: Mapping[date, DayFigures]) -> str:
    done = [days[day] for day in shown if day in days]
    bad = sum(1 for figures in done if figures.unresolved)
    return f"{len(done)} of {len(shown)} days reconciled, {bad} of them with open discrepancies."


def _scale(most: int) -> list[str]:
    marks = [(TOP, Money(most).to_yuan()), (TOP + HEIGHT, "0")]
    return [
        part
        for y, text in marks
        for part in (
            f'<line class="line" x1="{LEFT}" x2="{WIDTH - 16}" y1="{y}" y2="{y}"/>',
            f'<text class="quiet" x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{text}</text>',
        )
    ]


def _bar(at: int, day: date, figures: DayFigures | None, most: int) -> list[str]:
    x, base = LEFT + at * STEP + (STEP - BAR) // 2, TOP + HEIGHT
    label = f'<text class="quiet" x="{x + BAR / 2}" y="{base + 16}" text-anchor="middle">'
    day_mark = f"{label}{day.day}</text>"
    if figures is None:
        empty = f'<rect class="none" x="{x}" y="{base - 2}" width="{BAR}" height="2">'
        return [f"{empty}<title>{day}: 未对账 not reconciled</title></rect>", day_mark]
    height = max(round(abs(figures.net_fen) / most * HEIGHT), 2)
    style = "open" if figures.unresolved else "matched"
    told = f"{day}: 净额 net {Money(figures.net_fen).to_yuan()}, 未处理 open {figures.unresolved}"
    bar = f'<rect class="{style}" x="{x}" y="{base - height}" width="{BAR}" height="{height}">'
    parts = [f"{bar}<title>{told}</title></rect>", day_mark]
    if figures.unresolved:
        y = base - height - 5
        parts.append(
            f'<text x="{x + BAR / 2}" y="{y}" text-anchor="middle">{figures.unresolved}</text>'
        )
    return parts


def _legend(total: int) -> str:
    entries = [
        (LEFT, "matched", "净额（元），全部一致 net in yuan, all settled"),
        (LEFT + 275, "open", "有未处理差异 open discrepancies (number)"),
        (LEFT + 545, "none", "未对账 not reconciled"),
    ]
    return "".join(
        f'<rect class="{style}" x="{x}" y="{total - 18}" width="10" height="10"/>'
        f'<text x="{x + 15}" y="{total - 9}">{text}</text>'
        for x, style, text in entries
    )
