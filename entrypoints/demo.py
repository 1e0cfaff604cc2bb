"""`basepay demo`: the whole journey on a throw-away stack, held against what must be true."""

import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from entrypoints.demo_bills import every_day_agrees
from entrypoints.demo_scenarios import (
    BESIDES,
    METHODS,
    SCENARIOS,
    Broken,
    Scenario,
    books_agree,
)
from entrypoints.demo_shop import Shop
from entrypoints.dev import stack_of
from entrypoints.serving import bind
from entrypoints.telling import tell

#: Stands for the method where a scenario is not about one.
ALL = "all"


@dataclass(frozen=True, slots=True)
class Result:
    """How one scenario went for one method."""

    scenario: str
    method: str
    passed: bool
    detail: str  # what was expected and did not hold
    seconds: float


async def run_demo(*, as_json: bool, cluster: bool = False) -> int:
    """Play everything; 0 only if every expectation held."""
    results: list[Result] = []
    began = time.monotonic()
    async with _throw_away_shop(cluster=cluster) as shop:
        jobs = [(each, method) for each in SCENARIOS for method in METHODS if each.fits(method)]
        besides = [
            *BESIDES,
            Scenario("both books say the same", books_agree),
            Scenario("every day's bill agrees", every_day_agrees),
        ]
        jobs += [(each, ALL) for each in besides]
        with _progress(len(jobs), quiet=as_json) as advance:
            for scenario, method in jobs:
                advance(f"{scenario.title}: {method}")
                results.append(await _play(scenario, shop, method))
    passed = all(result.passed for result in results)
    if as_json:
        tell(json.dumps({"passed": passed, "results": [asdict(each) for each in results]}))
    else:
        _print_table(results, time.monotonic() - began)
    return 0 if passed else 1


@asynccontextmanager
async def _throw_away_shop(*, cluster: bool) -> AsyncIterator[Shop]:
    with tempfile.TemporaryDirectory(prefix="basepay-demo-") as folder:
        async with (
            stack_of(bind(0), bind(0), Path(folder), cluster=cluster, idle=0.05) as started,
            Shop.open(
                api_url=started.api_url,
                api_key=started.api_key,
                operator_key=started.operator_key,
                sandbox_url=started.sandbox_url,
            ) as shop,
        ):
            yield shop


async def _play(scenario: Scenario, shop: Shop, method: str) -> Result:
    began = time.monotonic()
    detail = ""
    try:
        await scenario.play(shop, method)
    except Broken as broken:
        detail = str(broken)
    except Exception as error:  # noqa: BLE001 -- a crash is a broken expectation too, told like the others
        detail = f"{type(error).__name__}: {error}"
    finally:
        await shop.clear_faults()
    return Result(scenario.title, method, not detail, detail, round(time.monotonic() - began, 3))


class _progress:  # noqa: N801 -- used like a function
    """A live line on a terminal; nothing when output goes to a machine."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        self._total, self._quiet = total, quiet or not sys.stderr.isatty()

    def __enter__(self) -> Self:
        if not self._quiet:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("starting", total=self._total)
        return self

    def __call__(self, text: str) -> None:
        if not self._quiet:
            self._bar.update(self._task, description=text, advance=1)

    def __exit__(self, *_: object) -> None:
        if not self._quiet:
            self._bar.stop()


def _print_table(results: Sequence[Result], seconds: float) -> None:
    from rich.console import Console
    from rich.table import Table

    columns = [*METHODS, ALL]
    table = Table("", title="basepay demo")
    for column in columns:  # provider over product, so that twelve of them fit side by side
        table.add_column(column.replace("_", "\n", 1).replace("_", " "), justify="center")
    for title in dict.fromkeys(result.scenario for result in results):
        cells = {
            r.method: "[green]✓[/]" if r.passed else "[red]✗[/]"
            for r in results
            if r.scenario == title
        }
        table.add_row(title, *(cells.get(column, "") for column in columns))
    console = Console()
    console.print(table)
    broken = [result for result in results if not result.passed]
    for result in broken:
        console.print(f"[red]✗ {result.scenario}, {result.method}[/]: {result.detail}", markup=True)
    held = len(results) - len(broken)
    console.print(f"{held} of {len(results)} held, in {seconds:.1f} s")
