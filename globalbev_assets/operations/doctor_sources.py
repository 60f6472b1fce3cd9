"""The doctor's look at what the lakehouse reads from: settings, databases, APIs, landing zone; and at Dagster's home."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from globalbev_assets.errors import GlobalBevError, TransientError
from globalbev_assets.operations.findings import Finding, Installation, fail, ok, warn
from resources.settings import PROJECT

ANSWER_S = 2.0
SANDBOX = "`globalbev sandbox up` starts the embedded sources."


def look_at_settings(at: Installation) -> Iterator[Finding]:
    """Every variable that a contract names for its source."""
    names = [name for option in ("dsn", "url", "token") for name in at.variables(option)]
    missing = [name for name in names if _value(at, name) is None]
    if missing:
        yield warn("settings", f"not set: {', '.join(missing)}", f"Set them in {PROJECT / '.env'} or in the environment. {SANDBOX}")
    else:
        yield ok("settings", f"environment {at.settings.env}, home {at.settings.home}, lake {at.settings.lake_root}; all sources are named")


def look_at_history(at: Installation) -> Iterator[Finding]:
    """Where the history begins: what is older is not read, and nobody else would say so."""
    from partitions.history import history  # noqa: PLC0415

    days = history(at.settings.start_date, at.settings.end_date)
    if at.settings.start_date is None:
        todo = "Set GLOBALBEV_START_DATE to the sources' first day."
        yield warn("history", f"begins {days.first}, because GLOBALBEV_START_DATE is not set: older data is not read", todo)
    else:
        yield ok("history", f"begins {days.first}")


def look_at_databases(at: Installation) -> Iterator[Finding]:
    """Every database that a contract reads."""
    for name in at.variables("dsn"):
        dsn = _value(at, name)
        if dsn is not None:
            yield _database(at, name, dsn)


def _database(at: Installation, name: str, dsn: str) -> Finding:
    import psycopg  # noqa: PLC0415

    from resources.jdbc_address import jdbc_address  # noqa: PLC0415
    from resources.shop import parse_dsn  # noqa: PLC0415

    topic = f"PostgreSQL ({name})"
    try:
        parts = parse_dsn(dsn)
    except GlobalBevError as error:
        return fail(topic, error.what, error.todo)
    where = f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '?')}"
    try:
        with psycopg.connect(dsn, connect_timeout=int(ANSWER_S)) as connection:
            major = connection.info.server_version // 10_000
            jdbc_address(connection)
    except GlobalBevError as error:
        return fail(topic, f"{error.what} Got {error.got}", error.todo)
    except psycopg.Error as error:
        if "password authentication failed" in str(error):
            return fail(topic, f"{where} refuses the password", f"Correct {name}.")
        return _silent(at, topic, f"{where} does not answer", int(parts.get("port") or 0))
    return ok(topic, f"version {major} answers at {where}")


def look_at_apis(at: Installation) -> Iterator[Finding]:
    """Every API that a contract reads: any answer but a server's error will do."""
    import requests  # noqa: PLC0415

    for name in at.variables("url"):
        url = _value(at, name)
        if url is None:
            continue
        parts = urlsplit(url)
        topic, where = f"API ({name})", f"{parts.hostname}:{parts.port or parts.scheme}"
        try:
            code = requests.get(url, timeout=ANSWER_S, allow_redirects=False).status_code
        except requests.RequestException as error:
            yield _silent(at, topic, f"{where} does not answer ({type(error).__name__})", parts.port or 0)
        else:
            yield ok(topic, f"{where} answers") if code < 500 else fail(topic, f"{where} answers {code}", "Ask its owner.")


def look_at_landing(at: Installation) -> Iterator[Finding]:
    """The folder that other systems drop files into."""
    feeds = [str(contract.source.options["feed"]) for contract in at.book.values() if contract.source.kind == "file_feed"]
    root = at.settings.landing_root
    if not root.is_dir():
        yield warn("landing zone", f"{root} is not there", f"Set GLOBALBEV_LANDING. {SANDBOX}")
    elif not os.access(root, os.R_OK | os.X_OK):
        yield fail("landing zone", f"{root} cannot be read", "Give this user the right to read it.")
    else:
        absent = [feed for feed in feeds if not (root / feed).is_dir()]
        text = f"{root}, {len(feeds) - len(absent)} of {len(feeds)} feeds"
        if absent:
            yield warn("landing zone", f"{text}; no folder {', '.join(absent)}", "Nothing was delivered there yet, or the folder has another name.")
        else:
            yield ok("landing zone", text)


def look_at_dagster(at: Installation) -> Iterator[Finding]:
    """``DAGSTER_HOME``, its ``dagster.yaml``, and the batches that make events cheap."""
    values = {**dotenv_values(PROJECT / ".env"), **os.environ}
    home = values.get("DAGSTER_HOME")
    todo = "`globalbev sandbox up` sets both, or write DAGSTER_HOME and DAGSTER_EVENT_BATCH_SIZE=200 into .env."
    if not home:
        yield warn("Dagster", "DAGSTER_HOME is not set: `dagster dev` would forget everything when it ends", todo)
    elif not Path(home).is_absolute():
        yield fail("Dagster", f"DAGSTER_HOME is not absolute: {home}", "Write it with the whole path.")
    elif not (Path(home) / "dagster.yaml").is_file():
        yield warn(
            "Dagster",
            f"{home} has no dagster.yaml",
            f"`globalbev sandbox up` or `globalbev demo` writes it{'' if Path(home) == at.settings.home / 'dagster' else '; or copy the one of the project'}.",
        )
    elif not values.get("DAGSTER_EVENT_BATCH_SIZE"):
        yield warn("Dagster", f"{home}; events are written one by one", todo)
    else:
        yield ok("Dagster", str(home))


def _silent(at: Installation, topic: str, what: str, port: int) -> Finding:
    """A source that does not answer: the sandbox's own is only stopped."""
    import sandbox  # noqa: PLC0415

    found = sandbox.status(at.settings.home)
    if found.exists and not found.is_up and port in (found.shop_port, found.inventory_port):
        return warn(topic, f"{what}: the sandbox is stopped", "`globalbev sandbox up` starts it.")
    return fail(topic, what, f"Start it, or correct the setting. {SANDBOX}")


def _value(at: Installation, name: str) -> str | None:
    try:
        return at.settings.variable(name)
    except TransientError:
        raise
    except GlobalBevError:
        return None
