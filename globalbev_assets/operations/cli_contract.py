"""The commands ``globalbev contract``: check, draft and document the contracts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from globalbev_assets.operations.output import console, print_json

if TYPE_CHECKING:
    from globalbev_assets.contracts.new import Draft
    from globalbev_assets.contracts.problems import Problem
    from resources.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The contracts: one file a table, from which everything else is compiled.")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@app.command()
def lint(as_json: Json = False) -> None:
    """Check all contracts: the standard's schema, the model, our own rules. Exit code 2 when something is wrong."""
    from globalbev_assets.contracts.loader import read_contracts  # noqa: PLC0415
    from globalbev_assets.contracts.problems import raise_problems  # noqa: PLC0415
    from resources.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    book, problems = read_contracts(settings.contract_folders, cache=cache_of(settings))
    if as_json:
        print_json({"contracts": len(book), "problems": [_as_dict(problem) for problem in problems]})
        raise typer.Exit(2 if problems else 0)
    raise_problems(problems)
    console().print(f"contracts: {len(book)} in order")


@app.command()
def docs(
    out: Annotated[Path | None, typer.Option(help="Where to write it, instead of docs/data-dictionary.md.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say whether the file is current; exit code 2 when it is not.")] = False,
) -> None:
    """Write the data dictionary: every table, column and rule in words."""
    from globalbev_assets.contracts.docs import data_dictionary  # noqa: PLC0415
    from globalbev_assets.contracts.loader import load_contracts  # noqa: PLC0415
    from globalbev_assets.errors import TerminalError  # noqa: PLC0415
    from resources.settings import PROJECT, load_settings  # noqa: PLC0415

    path = out or PROJECT / "docs" / "data-dictionary.md"
    settings = load_settings()
    text = data_dictionary(load_contracts(settings.contract_folders, cache=cache_of(settings)))
    is_current = path.is_file() and path.read_text(encoding="utf-8") == text
    if check and not is_current:
        raise TerminalError(
            "GB-1530",
            "The data dictionary does not say what the contracts say.",
            got=str(path),
            todo="Run `globalbev contract docs` and commit what it writes.",
        )
    if not is_current:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    console().print(f"{path} {'is current' if is_current else 'is written'}")


@app.command()
def new(  # noqa: PLR0913  a command's options
    domain: Annotated[str, typer.Option(help="The step that is to publish the table, such as sales.")],
    relation: Annotated[str | None, typer.Option(help="A table of the database, such as shop.orders.")] = None,
    file: Annotated[Path | None, typer.Option(help="A .csv, .json or .jsonl file of the feed.")] = None,
    feed: Annotated[str | None, typer.Option(help="The feed's folder in the landing zone; the file's name otherwise.")] = None,
    key: Annotated[list[str] | None, typer.Option(help="Key column, may be given again; guessed or the primary key otherwise.")] = None,
    business_time: Annotated[str | None, typer.Option(help="Column that says the business day; without it a table is read whole.")] = None,
    fallback_time: Annotated[
        str | None,
        typer.Option(help="Column that says the day of rows without a business time; updated_at if the table has it, else the day before the read."),
    ] = None,
    dsn: Annotated[str, typer.Option(help="Variable that names the database.")] = "GLOBALBEV_SHOP_DSN",
    layer: Annotated[str, typer.Option(help="bronze, silver, or both.")] = "both",
    out: Annotated[Path, typer.Option(help="Folder of contracts to write into.")] = Path("contracts"),
    as_json: Json = False,
) -> None:
    """Draft the contracts of a new table from a database table or a file, and say what is still to fill in."""
    from globalbev_assets.contracts.new_yaml import write_contracts  # noqa: PLC0415
    from globalbev_assets.operations.contract_drafts import Wish, draft_from_file, draft_from_relation  # noqa: PLC0415
    from resources.settings import load_settings  # noqa: PLC0415

    layers = {"both": ("bronze", "silver"), "bronze": ("bronze",), "silver": ("silver",)}.get(layer)
    if layers is None:
        raise typer.BadParameter("Choose bronze, silver or both.", param_hint="--layer")
    if (relation is None) == (file is None):
        raise typer.BadParameter("Give either --relation or --file.")
    wish = Wish(domain, tuple(key or ()), business_time, fallback_time, feed)
    settings = load_settings()
    draft = draft_from_relation(settings, relation, dsn, wish) if relation else draft_from_file(file or Path(), wish)
    paths = write_contracts(draft, out, layers)
    problems = _open_problems(settings, out, paths)
    if as_json:
        print_json(
            {"written": [str(path) for path in paths], "key": draft.key, "left_out": draft.left_out, "open": [_as_dict(one) for one in problems]}
        )
        return
    _show_draft(draft, paths, problems, is_key_guessed=not wish.key)
    console().print(f"then: add {out} to GLOBALBEV_CONTRACTS and run `globalbev contract lint`")


@app.command()
def unity(  # noqa: PLR0913  a command's options
    catalog: Annotated[str, typer.Option(help="Catalog of the environment; its groups are named after it.")] = "globalbev_dev",
    out: Annotated[Path | None, typer.Option(help="Folder to write the scripts into; without it they are printed.")] = None,
    masks: Annotated[str, typer.Option(help="policies: by tags (runtime 16.4 or later). columns: SET MASK, column by column.")] = "policies",
    lake: Annotated[str | None, typer.Option(help="Where the tables' files lie, as in GLOBALBEV_LAKE; managed tables otherwise.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say whether the folder is current; exit code 2 when it is not.")] = False,
    as_json: Json = False,
) -> None:
    """SQL for Unity Catalog from the contracts: tables, constraints, tags, masks, row filters, grants."""
    from globalbev_assets.operations.unity_files import Wanted, unity_files  # noqa: PLC0415

    if masks not in {"policies", "columns"}:
        raise typer.BadParameter("Choose policies or columns.", param_hint="--masks")
    if check and out is None:
        raise typer.BadParameter("Say with --out which folder is to be compared.", param_hint="--check")
    unity_files(Wanted(catalog, "policies" if masks == "policies" else "columns", lake), out, is_check=check, as_json=as_json)


def _show_draft(draft: Draft, paths: tuple[Path, ...], problems: list[Problem], *, is_key_guessed: bool) -> None:
    out = console()
    out.print("\n".join(f"written: {path}" for path in paths))
    out.print(f"key: {', '.join(draft.key)}{' (check it)' if is_key_guessed else ''}")
    if draft.left_out:
        out.print(f"left out, kept in _rescued: {', '.join(draft.left_out)}")
    out.print("to fill in, and to check: descriptions, types, what is personal, what it serves")
    out.print("\n".join(f"  - {problem}" for problem in problems) or "  nothing that the lint asks for")


def _open_problems(settings: Settings, folder: Path, paths: tuple[Path, ...]) -> list[Problem]:
    """What the lint says of the new files, among the packaged contracts."""
    from globalbev_assets.contracts.loader import read_contracts  # noqa: PLC0415

    _, problems = read_contracts([folder], cache=cache_of(settings))
    places = [*map(str, paths), *(f"{path.parent.name}.{path.name.partition('.')[0]}" for path in paths)]
    return [problem for problem in problems if problem.where.startswith(tuple(places))]


def cache_of(settings: Settings) -> Path:
    """The file that remembers which contracts passed the JSON Schema: 29 of them take seconds."""
    return settings.home / "state" / "contracts.json"


def _as_dict(problem: Problem) -> dict[str, str]:
    return {"code": problem.code, "where": problem.where, "what": problem.what, "got": problem.got, "valid": problem.valid, "do": problem.todo}
