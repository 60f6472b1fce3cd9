"""What is somebody else's: settings that lead to another installation, files and tables that no sandbox made.

Asked before anything is made, for ``up`` writes over the settings file and replaces the feeds' folders, and who loads next writes the lake.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from globalbev_assets.errors import TerminalError

from .layout import FEEDS, Layout
from .postgres import DATABASE, USER
from .services import PROJECT
from .state import Secrets, State, load_secrets

HOME, ENVIRONMENT = "GLOBALBEV_HOME", "GLOBALBEV_ENV"
DAGSTER = "DAGSTER_HOME"
SHOP, URL, TOKEN = "GLOBALBEV_SHOP_DSN", "GLOBALBEV_INVENTORY_URL", "GLOBALBEV_INVENTORY_TOKEN"
LANDING, LAKE = "GLOBALBEV_LANDING", "GLOBALBEV_LAKE"
# As `up` writes them for an embedded server: so a file is known of whose sandbox nothing but the file is left.
WRITTEN = {SHOP: rf"postgresql://{USER}:[\w-]{{32}}@127\.0\.0\.1:\d+/{DATABASE}", URL: r"http://127\.0\.0\.1:\d+", TOKEN: r"[\w-]{43}"}
Values = Mapping[str, str]


@dataclass(frozen=True)
class Own:
    """What a sandbox knows to be its own."""

    layout: Layout
    state: State | None
    kept: Secrets | None

    def foreign(self, values: Values) -> list[str]:
        """Names of the variables among these that lead anywhere but to this sandbox; an empty one leads nowhere."""
        judges: Mapping[str, Callable[[str], bool]] = {
            SHOP: self._is_shop,
            URL: lambda url: self._is_inventory(url, values.get(TOKEN, "")),
            LANDING: lambda folder: _whole(folder) == self.layout.landing.resolve(),
            LAKE: lambda folder: _whole(folder) == self.layout.lake.resolve(),
            ENVIRONMENT: lambda environment: environment == "local",
        }
        return [name for name, is_own in judges.items() if values.get(name) and not is_own(values[name])]

    def _is_shop(self, dsn: str) -> bool:
        """By the password, which no other server has; the port may have changed."""
        return self.kept is not None and (dsn == self.kept.external_dsn or f":{self.kept.password}@127.0.0.1:" in dsn)

    def _is_inventory(self, url: str, token: str) -> bool:
        is_known = self.kept is not None and token == self.kept.token
        return is_known or (self.state is not None and url == f"http://127.0.0.1:{self.state.inventory_port}")


def refuse_others(layout: Layout, state: State | None, env_file: Path) -> None:
    """Refuse a sandbox where another installation is.

    Raises:
        TerminalError: GB-6010, with the names of variables and folders; no value is shown.
    """
    own = Own(layout, state, load_secrets(layout) if layout.secrets.is_file() else None)
    reasons = [*_in_file(own, env_file), *_in_environment(own), *([] if state else _in_folders(layout))]
    if reasons:
        raise TerminalError(
            "GB-6010",
            "Another installation is where the sandbox would be.",
            got="; ".join(got for got, _ in reasons),
            valid="settings and folders that are this sandbox's own, or none",
            todo=" ".join(todo for _, todo in reasons),
        )


def _in_file(own: Own, env_file: Path) -> Iterator[tuple[str, str]]:
    """What the file says that would be written; the lines of a sandbox, of another home or of one that was deleted, may be replaced."""
    values = _upper({name: value or "" for name, value in dotenv_values(env_file).items()}) if env_file.is_file() else {}
    found = own.foreign(values)
    found += [
        name for name, ours in ((HOME, own.layout.home), (DAGSTER, own.layout.home / "dagster")) if values.get(name) and _whole(values[name]) != ours
    ]
    if _is_written_by_a_sandbox(values):
        found = [name for name in found if name in (LAKE, ENVIRONMENT)]  # which stay, or were set since
    if found:
        elsewhere = "`globalbev sandbox up --home <another folder> --env-file <another file>`"
        yield f"{', '.join(found)} in {env_file}", f"Move {env_file} away or take these lines out of it; to keep it, write to another: {elsewhere}."


def _in_environment(own: Own) -> Iterator[tuple[str, str]]:
    """What the variables say, which win over the file; a server for the shop may be named for a sandbox that is yet to be made."""
    found = [name for name in own.foreign(_upper(os.environ)) if own.state or name != SHOP]
    if found:
        yield f"{', '.join(found)} in the environment", f"Take them out of it: `unset {' '.join(found)}`."


def _in_folders(layout: Layout) -> Iterator[tuple[str, str]]:
    """What lies in the feeds that would be replaced, and in the lake, though there has been no sandbox."""
    found = [layout.landing / feed for feed in FEEDS if any(file.is_file() for file in (layout.landing / feed).rglob("*"))]
    if any(layout.lake.glob("*/*/_delta_log")):
        found.append(layout.lake)
    if found:
        yield (
            f"what no sandbox has made, in {', '.join(map(str, found))}",
            "Choose another home: `--home <another folder>`. What is left of a sandbox that was deleted may be deleted too.",
        )


def _is_written_by_a_sandbox(values: Values) -> bool:
    home = values.get(HOME, "")
    is_its_form = all(re.fullmatch(form, values.get(name, "")) for name, form in WRITTEN.items())
    return is_its_form and bool(home) and _whole(values.get(LANDING, "")) == Layout(_whole(home)).landing.resolve()


def _upper(values: Values) -> dict[str, str]:
    """By upper-case names: the settings are read in any case."""
    return {name.upper(): value for name, value in values.items()}


def _whole(folder: str) -> Path:
    """The path as the settings take it: from the project on."""
    return (PROJECT / os.path.expanduser(folder)).resolve()  # noqa: PTH111  pathlib's raises for a user that there is not
