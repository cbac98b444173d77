"""What guidelines ask for of a study, a row of words each, for the PDF."""

from __future__ import annotations

from nodulus.app.guidance import Guidance
from nodulus.app.results.answer import Answer, answers
from nodulus.app.results.summary_lines import category_words, condition_words
from nodulus.app.results.texts import Texts

_DASH = "\N{EN DASH}"


def guideline_rows(guidance: Guidance | None) -> list[tuple[str, str, str, str]]:
    """Give guideline, category, what it advises, and the finding that it rests on.

    Args:
        guidance: of the study; None where there is none.
    """
    texts = Texts()
    return [
        (
            one.guideline,
            category_words(one, texts) + (" (needs a reader)" if one.needs_reader else ""),
            _advice(one),
            _finding(one),
        )
        for one in answers(guidance)
    ]


def _finding(answer: Answer) -> str:
    number = (answer.conditional or answer).finding_id
    return _DASH if number is None else f"nodule {number}"


def _advice(answer: Answer) -> str:
    """What it advises, and its rule; where that is not settled, what it depends on."""
    if answer.not_applicable:
        return _DASH
    if answer.conditional is not None:
        words = condition_words(answer, Texts())
        return words if answer.is_certain else f"{words}. {_open(answer)}"
    if answer.is_certain:
        return f"{answer.possible[0].management}. Rule: {answer.possible[0].rule}"
    return _open(answer)


def _open(answer: Answer) -> str:
    names = [name.replace("_", " ") for name in (*answer.missing, *answer.unknown_applicability)]
    return f"Depends on what is not known: {', '.join(dict.fromkeys(names))}" if names else _DASH
