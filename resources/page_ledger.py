"""What was got of a day, page by page, against what the API says there is: the proof that a day is whole."""

from __future__ import annotations

from array import array

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
        """The hashes of the page's keys, when the page fits to those before it.

        Raises:
            AttemptFailedError: it was there before, or it does not add up; the server may do better when it is asked again.
        """
        hashes = keys(self._feed, page)
        if page.next_token is not None and page.next_token in self._tokens:
            raise AttemptFailedError("the next page's token was handed out before", doubt="GB-1304")
        if hashes and tuple(hashes[:_OPENING]) in self._openings:
            raise AttemptFailedError("the items of an earlier page", doubt="GB-1304")
        if self.pages and page.total != self.total:
            raise AttemptFailedError(f"{page.total} items in all, {self.total} by the pages before", doubt="GB-1303")
        if page.next_token is None:
            self._check_sum(page, hashes)
        return hashes

    def _check_sum(self, page: Page, hashes: list[int]) -> None:
        """Hold what came against what there is. Items that came twice are no harm as long as all others are provably there."""
        items, hashed = self.items + len(page.items), [*self._keys, *hashes]
        repeated = len(hashed) - len(set(hashed))
        if page.total is not None and items - repeated != page.total:
            raise AttemptFailedError(
                f"{items} items in {self.pages + 1} pages, {repeated} of them repeated; the API says {page.total}", doubt="GB-1303"
            )
        if page.total is None and repeated:
            raise AttemptFailedError(f"{repeated} of {items} items came twice, and the API does not say how many there are", doubt="GB-1304")
        self.repeated = repeated

    def add(self, page: Page, hashes: list[int]) -> None:
        """Count a page that was checked."""
        self.total, self.as_of = page.total, self.as_of or page.as_of
        if page.next_token is not None:
            self._tokens.add(page.next_token)
        if hashes:
            self._openings.add(tuple(hashes[:_OPENING]))
        self._keys.extend(hashes)
        self.pages, self.items, self.size_bytes = self.pages + 1, self.items + len(page.items), self.size_bytes + page.size_bytes
