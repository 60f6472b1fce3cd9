"""Secrets in the open, in files and in what is packed inside them: what a rehearsal uploads is zipped, and a zip within a zip hides every word."""

from __future__ import annotations

import gzip
import io
import json
import pickletools
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

DEEPEST = 6
_GZIP, _ZIP, _PICKLE = b"\x1f\x8b", b"PK\x03\x04", b"\x80"
# What the workspace of a rehearsal tells its own driver, as Databricks gives a cluster a token; nobody uploads it.
ORDER = "order.json"


def leaks(folder: Path, secrets: Mapping[str, str], issued: Collection[str] = ()) -> list[str]:
    """Files below a folder that hold a secret, the password inside one, or a token that was issued; a file's place inside another after ``!``.

    Args:
        folder: of a workspace, an upload or an instance.
        secrets: by what they are called.
        issued: tokens, which only the workspace's order to its own driver may hold.
    """
    given = {text for secret in secrets.values() for text in (secret, urlsplit(secret).password or secret)}
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        wanted = given if path.name == ORDER else given | set(issued)
        literals = {form.encode() for text in wanted for form in (text, quote(text, safe=""), json.dumps(text)[1:-1])}
        places = contents(str(path.relative_to(folder)), path.read_bytes())
        found += [place for place, content in places if any(literal in content for literal in literals)]
    return list(dict.fromkeys(found))


def contents(place: str, content: bytes, depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """A file, and whatever is packed in it."""
    yield place, content
    if depth < DEEPEST:
        for name, inner in _inside(content):
            yield from contents(f"{place}!{name}", inner, depth + 1)


def _inside(content: bytes) -> Iterator[tuple[str, bytes]]:
    if content.startswith(_ZIP):
        with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield from ((name, archive.read(name)) for name in archive.namelist())
    elif content.startswith(_GZIP):
        try:
            yield "gzip", gzip.decompress(content)
        except (EOFError, OSError, zlib.error):  # cut off by an eviction: what is there was looked at as it stands
            yield from _as_far_as_it_goes(content)
    elif content.startswith(_PICKLE) and content.endswith(b"."):
        yield from _strings(content)


def _as_far_as_it_goes(content: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        yield "gzip", zlib.decompressobj(wbits=31).decompress(content)
    except zlib.error:
        return


def _strings(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The packed bytes of a pickle, which is taken apart and not loaded; its plain strings stand in it as they are."""
    try:
        for _, argument, _ in pickletools.genops(content):
            if isinstance(argument, bytes) and argument.startswith((_ZIP, _GZIP, _PICKLE)):
                yield "bytes", argument
    except ValueError:  # it only began like one
        return
