"""``globalbev doctor``: everything is looked at, each thing by a check of its own; one that breaks is a finding too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.loader import read_contracts
from globalbev_assets.errors import GlobalBevError
from globalbev_assets.operations import doctor_alerts, doctor_lake, doctor_machine, doctor_sources, repairs
from globalbev_assets.operations.findings import Finding, Installation, fail, ok
from resources.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from globalbev_assets.operations.repairs import Mended

Check = Callable[[Installation], Iterable[Finding]]
CHECKS: tuple[Check, ...] = (
    doctor_machine.look_at_java,
    doctor_machine.look_at_jars,
    doctor_machine.look_at_packages,
    doctor_machine.look_at_spark,
    doctor_machine.look_at_disk,
    doctor_sources.look_at_settings,
    doctor_sources.look_at_history,
    doctor_sources.look_at_databases,
    doctor_sources.look_at_apis,
    doctor_sources.look_at_landing,
    doctor_sources.look_at_dagster,
    doctor_lake.look_at_lake,
    doctor_lake.look_at_leases,
    doctor_lake.look_at_ledger,
    doctor_alerts.look_at_alerts,
    repairs.look_at_repairs,
)
SIGNS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "bold red")}


def installation(settings: Settings) -> tuple[Installation, Finding]:
    """What is looked at, and what the contracts are like: those that cannot be read leave the rest to be looked at."""
    book, problems = read_contracts(settings.contract_folders, cache=settings.home / "state" / "contracts.json")
    if problems:
        finding = fail("contracts", f"{len(problems)} problems, the first: {problems[0]}", "`globalbev contract lint` lists them.")
    else:
        finding = ok("contracts", f"{len(book)} in order")
    return Installation(settings, book if len(book) else ContractBook(())), finding


def diagnose(at: Installation, checks: Sequence[Check] = CHECKS) -> Iterator[Finding]:
    """The findings, in the order of the checks. They wait for servers side by side."""
    with ThreadPoolExecutor(max_workers=len(checks)) as pool:
        for findings in pool.map(lambda check: _looked(check, at), checks):
            yield from findings


def exit_code(findings: Iterable[Finding]) -> int:
    """1 when something does not work."""
    return int(any(finding.level == "fail" for finding in findings))


def as_document(findings: Sequence[Finding], mended: Sequence[Mended] | None) -> dict[str, Any]:
    """The findings for a program, and what was mended; None where nobody asked for that."""
    found = {"findings": [asdict(finding) for finding in findings], "failed": exit_code(findings) == 1}
    if mended is None:
        return {**found, "repairs": None, "ledger_rows_written": None}
    written = sum(each.repair.count for each in mended if each.repair.topic == "ledger" and each.is_done)
    return {**found, "repairs": [each.as_dict() for each in mended], "ledger_rows_written": written}


def show(findings: Sequence[Finding], out: Console) -> None:
    """The findings for a person: a line each, with what to do below."""
    width = max(len(finding.topic) for finding in findings)
    for finding in findings:
        sign, style = SIGNS[finding.level]
        out.print(sign, style=style, end="  ")
        out.print(f"{finding.topic:<{width}}  {finding.what}", soft_wrap=True)
        if finding.todo:
            out.print(f"{'':6}{'':<{width}}  do: {finding.todo}", soft_wrap=True)


def _looked(check: Check, at: Installation) -> list[Finding]:
    topic = check.__name__.removeprefix("look_at_")
    try:
        return list(check(at))
    except GlobalBevError as error:
        return [fail(topic, f"{error.code} {error.what}", error.todo)]
    except Exception as error:  # noqa: BLE001  a check that breaks is a finding, and the others go on
        return [fail(topic, f"could not be looked at ({type(error).__name__})", "Run it again with --verbose; if it stays, it is a mistake of ours.")]
