"""A hook of MkDocs: pages outside ``docs/``, notebooks, and the reference of the transforms.

The guide's Markdown is written for the repository: its links are relative to the file, so that they
also work on a forge. Here README, model cards and the like become pages, links are turned to those
pages, other linked files of the repository are copied into the site, and each module of
``transforms`` gets a page.
"""

from __future__ import annotations

import ast
import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from notebook import as_markdown

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
# Files of the repository, and the pages that they become.
OUTSIDE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CODE_OF_CONDUCT.md": "conduct.md",
    **{
        f"bundles/{name}/docs/README.md": f"models/{name}.md"
        for name in ("segmentation", "nodule", "malignancy")
    },
    "bundles/common/README.md": "models/common.md",
    **{f"docs/notebooks/{path.name}": f"notebooks/{path.stem}.md" for path in NOTEBOOKS},
}
SOURCES = {page: source for source, page in OUTSIDE.items()}
TRANSFORMS = "reference/transforms"
LINK = re.compile(r"\[([^\[\]]*)\]\((?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?\)")


def _source(page: str) -> str:
    """Where a page's text lies in the repository."""
    return SOURCES.get(page, f"docs/{page}")


def _target(page: str, link: str) -> str:
    """The path in the repository that a link of a page leads to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(_source(page)), link))


def _in_site(target: str) -> str:
    """The path in the site's sources of a path in the repository."""
    if target in OUTSIDE:
        return OUTSIDE[target]
    return target.removeprefix("docs/") if target.startswith("docs/") else f"files/{target}"


def _linked_files(pages: list[str]) -> Iterator[str]:
    """Files outside ``docs/`` that the pages link to and that are no pages themselves."""
    for page in pages:
        text = (ROOT / _source(page)).read_text(encoding="utf-8")
        for match in LINK.finditer(text):
            target = _target(page, match[2])
            outside = target not in OUTSIDE and not target.startswith("docs/")
            if outside and (ROOT / target).is_file():
                yield target


def _modules() -> dict[str, str]:
    """The modules of ``transforms`` with the first line of their docstrings."""
    modules = {}
    for path in sorted((ROOT / "transforms").rglob("*.py")):
        about = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        if path.name != "__init__.py" and about:
            name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
            modules[name] = about.splitlines()[0]
    return modules


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put a page for each module of the transforms into the navigation."""
    pages = [{name.removeprefix("transforms."): _module_page(name)} for name in _modules()]
    for section in config.nav or ():
        if isinstance(section, dict) and "Reference" in section:
            section["Reference"].append({"Transforms": [f"{TRANSFORMS}/index.md", *pages]})
    return config


def _module_page(name: str) -> str:
    return f"{TRANSFORMS}/{name.removeprefix('transforms.')}.md"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what lies outside ``docs/``, and the notebooks as pages."""
    for source, page in OUTSIDE.items():
        path = ROOT / source
        if path in NOTEBOOKS:
            files.append(File.generated(config, page, content=as_markdown(path)))
        else:
            files.append(File.generated(config, page, abs_src_path=str(path)))
    pages = [file.src_uri for file in files.documentation_pages()]
    for linked in sorted(set(_linked_files(pages))):
        uri = f"files/{linked}"
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / linked)))
    modules = _modules()
    rows = [f"| [{n}]({_module_page(n).rpartition('/')[2]}) | {a} |" for n, a in modules.items()]
    index = "\n".join(
        [
            "# Transforms",
            "",
            "From arrays to arrays: MONAI transforms and the plain functions behind them.",
            "",
            "| module | what |",
            "|---|---|",
            *rows,
        ]
    )
    files.append(File.generated(config, f"{TRANSFORMS}/index.md", content=index + "\n"))
    for name in modules:
        text = f"# {name.removeprefix('transforms.')}\n\n::: nodulus.{name}\n"
        files.append(File.generated(config, _module_page(name), content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links of the repository to those of the site; a link to a folder becomes plain text."""
    own = page.file.src_uri
    if own.startswith(TRANSFORMS):
        return markdown

    def turned(match: re.Match[str]) -> str:
        text, link, anchor = match[1], match[2], match[3] or ""
        target = _target(own, link)
        if (ROOT / target).is_dir():
            return text
        relative = os.path.relpath(_in_site(target), posixpath.dirname(own) or ".")
        return f"[{text}]({relative.replace(os.sep, '/')}{anchor})"

    return LINK.sub(turned, markdown)


def on_post_build(config: MkDocsConfig) -> None:
    """Write ``llms.txt`` (llmstxt.org): the pages by section, for programs that read the site."""
    lines = [f"# {config.site_name}", "", f"> {config.site_description}"]
    for section in config.nav or ():
        for title, pages in section.items():
            if isinstance(pages, list):
                lines += ["", f"## {title}", "", *_list_of(pages)]
    (Path(config.site_dir) / "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _list_of(pages: list[dict[str, str]]) -> Iterator[str]:
    """A line for each page that has a title of its own in the navigation."""
    for entry in pages:
        for title, page in entry.items():
            if isinstance(page, str):
                yield f"- [{title}]({page.removesuffix('.md')}.html)"
