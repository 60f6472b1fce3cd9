"""What a secret or a personal datum looks like in a text. Patterns only: who applies them is :mod:`resources.logs.redaction`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

HIDDEN = "***"
Replacement = str | Callable[[re.Match[str]], str]

_HIDING_NAME = (
    r"(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|shared[_-]?access[_-]?(?:key|signature)|"
    r"credentials?|connection[_-]?string|instrumentationkey|dsn)"
)
# Personal columns of the contracts. `state` and `region` are missing: alone they name nobody, and both are words of ours (a day's state).
PERSONAL_FIELDS = (
    "email", "raw_email", "phone", "phone_e164", "raw_phone", "full_name", "first_name", "last_name", "address", "address_line", "street",
    "city", "zip", "postal_code", "raw_postal_code", "birth_date", "raw_birth_date", "card_last4",
)  # fmt: skip
SECRET_FIELD = re.compile(rf"(?:{_HIDING_NAME}|authorization|cookie|sig)\Z", re.IGNORECASE)
# Services of apprise, whose addresses are secrets as a whole.
_APPRISE = (
    r"(?:azure_?teams|discord|emails?|forms?|gchat|gotifys?|jsons?|mailtos?|matrixs?|mmosts?|msteams|ntfys?|office365|opsgenie|pagerduty|pbul|"
    r"pover|rockets?|sendgrid|ses|signals?|slack|sns|tgram|twilio|vo|webexteams|whatsapp|workflows?|wxteams|xmls?|zulip)"
)
_LOCAL = r"\w.!#$&'*+?^`{|}~-"
_HOST = r"(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,63}\b"
_WEBHOOK = r"(?:hooks\.slack\.com|discord(?:app)?\.com/api/webhooks|[\w.-]{1,255}\.(?:logic\.azure|webhook\.office|api\.powerplatform)\.com)"


def _email(found: re.Match[str]) -> str:
    """``abfss://container@account.dfs.core.windows.net`` is no address of a person."""
    return found.group() if found.group(1) and "@" in found.group() else HIDDEN


def _long_enough(found: re.Match[str]) -> str:
    """A date such as 01-02-2026 has eight digits, a telephone number that starts with 0 at least nine."""
    return HIDDEN if sum(sign.isdecimal() for sign in found.group()) >= 9 else found.group()


class Rule(NamedTuple):
    """A pattern, what stands for it, and what a text needs for it to be looked for: most texts have none of it, and looking costs 80 µs."""

    needs: tuple[str, ...]
    pattern: re.Pattern[str]
    replacement: Replacement

    def applied(self, text: str) -> str:
        """The text with what was found replaced."""
        return self.pattern.sub(self.replacement, text) if any(sign in text for sign in self.needs) else text


def _rule(needs: str, pattern: str, replacement: Replacement, flags: int = re.IGNORECASE) -> Rule:
    return Rule(tuple(needs.split()), re.compile(pattern, flags), replacement)


_A_VALUE = r"(?:\\\"[^\"\\]*\\\"|\"(?:[^\"\\]|\\.)*\"|'[^']*'|\[[^\]]*\]|[^\s,;&)}\]\"']+)"
_NUMBER_END = r"(?![.-]?\w)"
# In this order: an address with its password is hidden before what looks like an e-mail in it.
RULES: tuple[Rule, ...] = (
    _rule("-----BEGIN", r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", HIDDEN, re.DOTALL),
    _rule("://", rf"\b({_APPRISE})://[^\s\"'<>]+", rf"\1://{HIDDEN}"),
    _rule("://", rf"(https?://{_WEBHOOK})[^\s\"'<>]*", rf"\1/{HIDDEN}"),
    # Up to the last @: a password may hold one itself.
    _rule("@", r"([a-z][a-z0-9+.-]{0,30}://[^\s:/@\"']{0,100}):[^\s\"']{0,400}@", rf"\1:{HIDDEN}@"),
    _rule("@", r"(https?://)[^\s:/@\"']{20,400}@", rf"\1{HIDDEN}@"),
    _rule(": =", r"(\bauthorization[\"']?\s*[:=]\s*[\"']?)(?:(?:basic|bearer|digest|token)\s+)?[^\s\"',;}]+", rf"\1{HIDDEN}"),
    _rule("earer EARER", r"\b(bearer)\s+[\w.~+/=-]{6,}", rf"\1 {HIDDEN}"),
    _rule(": =", rf"({_HIDING_NAME}\\?[\"']?\s*[:=]\s*){_A_VALUE}", rf"\1{HIDDEN}"),
    _rule("sig SIG", r"([?&;]s(?:ig|ignature)=)[^\s&;\"']+", rf"\1{HIDDEN}"),
    _rule("eyJ", r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?", HIDDEN, 0),
    _rule("dapi gh xox AKIA", r"\b(?:dapi[0-9a-f]{32}(?:-\d)?|gh[pousr]_\w{30,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16})\b", HIDDEN, 0),
    _rule("==", r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}==", HIDDEN, 0),
    # PostgreSQL tells the row in its errors.
    _rule("Key", r"(Key \([^)]{0,300}\)?\)=)\(.*?\)(?= |\.|\Z)", rf"\1({HIDDEN})", 0),
    _rule("Failing", r"(Failing row contains )\(.*\)", rf"\1({HIDDEN})", re.DOTALL),
    _rule("\" '", rf"(\\?[\"'](?:{'|'.join(PERSONAL_FIELDS)})\\?[\"']\s*[:=]\s*){_A_VALUE}", rf"\1{HIDDEN}"),
    _rule("@ %40", rf"(?<![{_LOCAL}])([a-z][a-z0-9+.-]{{0,30}}://)?[{_LOCAL}]{{1,128}}(?:@|%40){_HOST}(?![\w.-]{{0,255}}:\d)", _email),
    _rule("+", r"(?<![\w.])\+(?:[\s().-]{0,2}\d){8,15}(?!\d)", HIDDEN),
    _rule("0 1 2 3 4 5 6 7 8 9", rf"(?<![\w.-])(?:1[\s.-])?(?:\([2-9]\d{{2}}\)[\s.-]?|[2-9]\d{{2}}[\s.-])\d{{3}}[\s.-]\d{{4}}{_NUMBER_END}", HIDDEN),
    _rule("0", rf"(?<![\w.:-])\(?0\d{{1,4}}\)?([ /.-])\d{{2,4}}(?:\1\d{{2,4}}){{1,4}}{_NUMBER_END}", _long_enough),
)
