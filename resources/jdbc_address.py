"""The address and the credentials of a connection that psycopg has made, as PostgreSQL's JDBC driver takes them.

Both have to reach the same database: a DSN leaves much to variables, services, password files and defaults, and the two fill it in differently.
So nothing is read from the DSN again; psycopg is asked what it came to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from globalbev_assets.errors import TerminalError

_DRIVER = "org.postgresql.Driver"
_FILES = {"sslrootcert": "sslrootcert", "sslcert": "sslcert", "sslkey": "sslkey"}
_PLAIN = {
    "sslmode": "sslmode",
    "sslpassword": "sslpassword",
    "channel_binding": "channelBinding",
    "gssencmode": "gssEncMode",
    "krbsrvname": "kerberosServerName",
}

# What libpq does unless it is told otherwise; to the JDBC driver ``gssEncMode=prefer`` means Kerberos even without a ticket.
_UNSAID = {("gssencmode", "prefer"), ("channel_binding", "prefer"), ("krbsrvname", "postgres")}


def jdbc_address(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Options of Spark's JDBC source that lead to where this connection leads.

    Raises:
        TerminalError: GB-1238, when it goes through a Unix socket, which JDBC cannot.
    """
    info = connection.info
    used = {option.keyword.decode(): option.val.decode() for option in connection.pgconn.info if option.val}
    host = used["hostaddr"] if "hostaddr" in used and "," not in used["hostaddr"] else info.host
    if host.startswith(("/", "@")):
        raise _socket(host, info.port)
    bracketed = f"[{host}]" if ":" in host else host
    address = {"url": f"jdbc:postgresql://{bracketed}:{info.port}/{quote(info.dbname, safe='')}", "driver": _DRIVER}
    return address | {"user": info.user, "password": info.password} | _security(used)


def _security(used: dict[str, str]) -> dict[str, str]:
    """What says how the connection is secured; files by their whole path, for Spark's server runs in another folder."""
    found = {jdbc: used[name] for name, jdbc in _PLAIN.items() if name in used and (name, used[name]) not in _UNSAID}
    found |= {jdbc: str(Path(used[name]).absolute()) for name, jdbc in _FILES.items() if name in used}
    if used.get("sslrootcert") == "system":
        del found["sslrootcert"]
        found["sslfactory"] = "org.postgresql.ssl.DefaultJavaSSLFactory"
    return found


def _socket(folder: str, port: int) -> TerminalError:
    return TerminalError(
        "GB-1238",
        "Spark cannot read from a database through a Unix socket.",
        got=f"{folder}, port {port}",
        valid="a host name or an IP address",
        todo="Name one in the connection string, such as postgresql://user@127.0.0.1:5432/database; without a host psycopg takes the socket.",
    )
