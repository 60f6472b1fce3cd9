"""What was got of a day, page by page, against what the API says there is: the proof that a day is whole."""

from __future__ import annotations

from array import array

from resources.api_errors import incomplete, looping
from resources.api_feed import ApiFeed
from resources.api_page import Page, keys
from resources.http_fetch import AttemptFailedError

_OPENING = 3  # items by which a page is known again


class PageLedger:
    """Counts a day's pages and items; holds 8 bytes an item."""

    def __init__(self, feed: ApiFeed) -> None:
        self._feed = feed
        self._tokens: set[str] = set()
        self._openings: set[tuple[int, ...]] = set()
        self._keys = array("Q")
        self.pages = self.items = self.size_bytes = self.repeated = 0
        self.total: int | None = None
        self.as_of = ""

    def check(self, page: Page) -> list[int]:
        """The hashes of the page's keys, when neither the page nor the token it hands on was there before.

        Raises:
            AttemptFailedError: it was; the server may do better when it is asked again.
        """
        hashes = keys(self._feed, page)
        if page.next_token is not None and page.next_token in self._tokens:
            raise AttemptFailedError("the next page's token was handed out before", is_repeat=True)
        if hashes and tuple(hashes[:_OPENING]) in self._openings:
            raise AttemptFailedError("the items of an earlier page", is_repeat=True)
        return hashes

    def add(self, page: Page, hashes: list[int]) -> None:
        """Count a page that was checked.

        Raises:
            TransientError: GB-1303, when the number of all items changed since the page before.
        """
        if self.pages and page.total != self.total:
            raise incomplete(f"{self.total} items by page 1, {page.total} by page {self.pages + 1}")
        self.total, self.as_of = page.total, self.as_of or page.as_of
        if page.next_token is not None:
            self._tokens.add(page.next_token)
        if hashes:
            self._openings.add(tuple(hashes[:_OPENING]))
        self._keys.extend(hashes)
        self.pages, self.items, self.size_bytes = self.pages + 1, self.items + len(page.items), self.size_bytes + page.size_bytes

    def close(self) -> None:
        """Hold what came against what there is. Items that came twice are no harm as long as all others are provably there.

        Raises:
            TransientError: GB-1303, when items are missing; GB-1304, when items came twice and nothing proves that none is missing.
        """
        self.repeated = len(self._keys) - len(set(self._keys))
        if self.total is not None and self.items - self.repeated != self.total:
            raise incomplete(f"{self.items} items in {self.pages} pages, {self.repeated} of them repeated; the API says {self.total}")
        if self.total is None and self.repeated:
            raise looping(f"{self.repeated} of {self.items} items came twice, and the API does not say how many there are")
