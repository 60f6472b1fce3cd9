"""The errors of reading an API, GB-1301 to GB-1311, in one place. None shows a token, a whole URL or a value of an item."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from globalbev_assets.errors import DataRejectedError, TerminalError, TransientError

_AGAIN = "Nothing of the day was published. Run it again; if it stays, ask the API's owner."
_CONTRACT = "Compare the feed's contract with what the API sends."


def no_answer(got: str, attempts: int, page_s: float) -> TransientError:
    """GB-1301: nothing usable within the budget of a page."""
    valid = f"an answer within {attempts} attempts and {page_s:g} s"
    return TransientError("GB-1301", "The API gave no usable answer within the budget.", got=got, valid=valid, todo=_AGAIN)


def breaker_open(failures: int, since: datetime, again: datetime, state: Path) -> TransientError:
    """GB-1302: not asked at all."""
    return TransientError(
        "GB-1302",
        "The API was not asked: it failed so often that its circuit breaker is open.",
        got=f"{failures} pages given up in a row, the last at {since:%Y-%m-%dT%H:%M:%SZ}",
        valid=f"a probe is let through from {again:%Y-%m-%dT%H:%M:%SZ} on",
        todo=f"Wait for it, or mend the API and delete {state}.",
    )


def incomplete(got: str) -> TransientError:
    """GB-1303: the day did not come whole."""
    valid = "as many different items as the API says there are"
    return TransientError("GB-1303", "The API did not give the whole day.", got=got, valid=valid, todo=_AGAIN)


def looping(got: str) -> TransientError:
    """GB-1304: pages or items come again instead of going on."""
    valid = "each page once, each with a new token"
    return TransientError("GB-1304", "The API repeats itself instead of going on.", got=got, valid=valid, todo=_AGAIN)


def not_let_in(status: int) -> TerminalError:
    """GB-1305: the token is refused."""
    valid = "a token that the API accepts"
    return TerminalError("GB-1305", "The API does not let us in.", got=f"status {status}", valid=valid, todo="Renew the API's token in the settings.")


def malformed_token() -> TerminalError:
    """GB-1305: the token could not even be sent."""
    got = "a token with blanks, line ends or letters outside ASCII"
    return TerminalError("GB-1305", "The API's token is malformed.", got=got, valid="one line of ASCII", todo="Set the API's token anew.")


def unexpected_shape(got: str) -> DataRejectedError:
    """GB-1306: sound JSON, but not what the contract describes."""
    valid = "the shape that the feed's contract describes"
    return DataRejectedError("GB-1306", "The API's answer has an unexpected shape.", got=got, valid=valid, todo=_CONTRACT)


def too_large(size_bytes: int) -> TerminalError:
    """GB-1307: more bytes than a page may have."""
    return TerminalError(
        "GB-1307",
        "A page of the API is too large.",
        got=f"more than {size_bytes} bytes",
        valid=f"at most {size_bytes} bytes a page",
        todo="Ask for smaller pages (the page size in the feed's contract).",
    )


def bad_address(what: str, got: str) -> TerminalError:
    """GB-1308: the address is none, or not the API's. It is not shown: it may hold a password."""
    valid = "http(s)://host[:port][/path], without credentials, query and fragment"
    return TerminalError("GB-1308", what, got=got, valid=valid, todo="Correct the API's base URL in the settings or the path in the feed's contract.")


def disk(what: str, place: Path, error: Exception) -> TransientError:
    """GB-1309: local state or pages cannot be written."""
    got = f"{getattr(error, 'strerror', None) or type(error).__name__} at {place}"
    return TransientError("GB-1309", what, got=got, valid="a writable folder with free space", todo="Check disk space and rights.")


def refused(status: int) -> TerminalError:
    """GB-1310: the request itself is refused."""
    return TerminalError("GB-1310", "The API refused the request.", got=f"status {status}", valid="status 200", todo=_CONTRACT)


def malformed_feed(got: str) -> TerminalError:
    """GB-1311: the feed's description cannot be used."""
    return TerminalError(
        "GB-1311",
        "The description of an API feed is malformed.",
        got=got[:200],
        valid="a name of letters, digits, _ and -; a path that starts with /; a page size of 1 or more",
        todo="Correct the feed's contract.",
    )
