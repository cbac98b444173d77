"""The templates of the HTML pages."""

from __future__ import annotations

from functools import cache

import jinja2


@cache
def page_template(package: str, name: str) -> jinja2.Template:
    """Give a template of a package; compiled once in a process.

    What it is given is escaped, and a name that it is not given is an error.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package, "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(name)
