"""The fixed texts of the report in other languages.

``translations.json`` has the English text as its key, and what it is in each language. Texts that
come from elsewhere (warnings, the rows of guidelines, names of models) stay English.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

Language = Literal["en", "de", "fr", "es"]
"""ISO 639-1."""
TRANSLATIONS_FILE = "translations.json"
_ENGLISH = "en"


class Texts:
    """Gives fixed texts in one language.

    Args:
        language: which.
    """

    def __init__(self, language: Language = "en") -> None:
        self.language = language
        self._table = {} if language == _ENGLISH else translations()

    def __call__(self, text: str, **values: Any) -> str:
        """Give a text with its values.

        Args:
            text: in English, with ``%(name)s`` where a value goes.
            values: by name.

        Raises:
            KeyError: there is no translation.
        """
        own = text if self.language == _ENGLISH else self._table[text][self.language]
        return own % values if values else own

    def known(self, text: str) -> str:
        """Give a text, or the text itself where there is no translation of it."""
        return self._table[text][self.language] if text in self._table else text


@cache
def translations() -> dict[str, dict[str, str]]:
    """Read the table: by the English text, by the language."""
    path = resources.files("nodulus.app.results") / TRANSLATIONS_FILE
    table: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return table


def other_languages() -> tuple[str, ...]:
    """Give every language that the table must have."""
    return tuple(language for language in get_args(Language) if language != _ENGLISH)
