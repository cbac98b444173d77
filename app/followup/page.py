"""follow_up.html: what has changed, first the answer, then each nodule on both scans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from nodulus.app.followup.pair_pictures import PicturePair
from nodulus.app.followup.result import DoublingTime, FollowUp, NoduleChange
from nodulus.app.page_template import page_template
from nodulus.app.results.report import EmbeddedPicture, embed
from nodulus.app.results.texts import Language, Texts

PAGE_FILE = "follow_up.html"
TEMPLATE = "follow_up.html.jinja"
_FIRST = ("grown", "new", "merged", "below the threshold before")
"""States that a reader wants to see first."""


@dataclass(frozen=True)
class ChangeView:
    """A nodule over both scans with what is derived for the page."""

    change: NoduleChange
    prior: EmbeddedPicture | None
    current: EmbeddedPicture | None


def build_page(found: FollowUp, pictures: Sequence[PicturePair], language: Language = "en") -> str:
    """Render the page: one file, no network, no patient attribute.

    Args:
        found: what has changed.
        pictures: a pair for each of ``found.nodules``.
        language: of the page's own texts; warnings and reasons stay English.
    """
    views = [
        ChangeView(change, *(None if one is None else embed(one) for one in pair))
        for change, pair in zip(found.nodules, pictures, strict=True)
    ]
    order = {state: place for place, state in enumerate(_FIRST)}
    views.sort(key=lambda view: order.get(view.change.state, len(order)))
    return page_template("nodulus.app.followup", TEMPLATE).render(
        found=found,
        views=views,
        counts=counted_states(found),
        doubling=doubling_words,
        t=Texts(language),
    )


def counted_states(found: FollowUp) -> list[tuple[str, int]]:
    """How many nodules there are of each state, what a reader wants to see first in front."""
    counts = Counter(one.state for one in found.nodules)
    order = {state: place for place, state in enumerate(_FIRST)}
    return sorted(counts.items(), key=lambda item: order.get(item[0], len(order)))


def doubling_words(time: DoublingTime | None, texts: Texts) -> str:
    """Say a doubling time, never without its interval."""
    if time is None:
        return texts("not given")
    if time.days is None:
        return texts("not grown")
    shortest = "0" if time.shortest_days is None else f"{time.shortest_days:,.0f}"
    longest = texts("no growth") if time.longest_days is None else f"{time.longest_days:,.0f}"
    return texts(
        "%(days)s days (%(shortest)s to %(longest)s)",
        days=f"{time.days:,.0f}",
        shortest=shortest,
        longest=longest,
    )
