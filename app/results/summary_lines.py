"""The result in a few lines of plain text, to be pasted into a radiology information system."""

from __future__ import annotations

from nodulus.app.guidelines.rounding import mean_diameter_mm
from nodulus.app.result import Finding, StudyResult
from nodulus.app.results.answer import MOST_CATEGORIES, Answer, answers
from nodulus.app.results.texts import Texts
from nodulus.app.results.wording import place_words, texture_words

MOST_FINDINGS = 10
"""So many findings have a line of their own, and every suspicious one."""
_MOST_NAMES = 5


def summary_lines(result: StudyResult, images: list[int | None], texts: Texts) -> list[str]:
    """Give the summary: the findings, what guidelines ask for, what holds for all of it.

    The networks' estimate and the guidelines' advice stand under headings of their own. It names
    no patient.

    Args:
        result: of the study.
        images: the number of the source image nearest to each finding, None where it has none.
        texts: in the language of the summary.
    """
    lines = [texts("Lung nodules in chest CT"), counted(result, texts)]
    shown = [
        (finding, image)
        for finding, image in zip(result.findings, images, strict=True)
        if finding.suspicious or finding.id <= MOST_FINDINGS
    ]
    lines += [_finding(finding, image, texts) for finding, image in shown]
    if len(shown) < len(result.findings):
        lines.append(texts("and %(count)s more", count=len(result.findings) - len(shown)))
    said = answers(result.guidance)
    if said:
        lines += ["", f"{texts('Guidelines')} ({texts('as if each finding were a nodule')})"]
        lines += [_answer(one, texts) for one in said]
    lines += ["", *(texts.known(warning.message) for warning in result.warnings)]
    return [*lines, texts.known(result.disclaimer), f"Nodulus {result.nodulus_version}"]


def counted(result: StudyResult, texts: Texts) -> str:
    """Say how many findings there are, and how many are marked."""
    count, marked = len(result.findings), sum(f.suspicious for f in result.findings)
    if not count:
        return f"{texts('No nodule was found.')} {texts('This does not prove that there is none.')}"
    if count == 1:
        return texts("1 finding, %(marked)s marked as suspicious", marked=marked or texts("none"))
    return texts(
        "%(count)s findings, %(marked)s marked as suspicious",
        count=count,
        marked=marked or texts("none"),
    )


def category_words(answer: Answer, texts: Texts) -> str:
    """Say the category, or every one that is possible; of too many, that it is not settled."""
    if answer.screening_unknown:
        return texts("not assessed: not known to be a screening CT")
    if answer.conditional is not None:
        return texts("not settled")
    return possible_words(answer, texts)


def possible_words(answer: Answer, texts: Texts) -> str:
    """Say the category, or every one that is possible; of many the first and the last."""
    if answer.not_applicable:
        return texts.known(answer.not_applicable)
    words = [texts.known(one.category) for one in answer.possible]
    if len(words) > MOST_CATEGORIES:
        first, last = answer.ends
        words = [texts("%(first)s to %(last)s", first=texts.known(first), last=texts.known(last))]
    if answer.unsettled:
        words.append(texts("not known"))
    return f" {texts('or')} ".join(words) or "\N{EN DASH}"


def condition_words(answer: Answer, texts: Texts) -> str:
    """Say what holds under the answer's condition; empty where it has none."""
    under = answer.conditional
    if under is None:
        return ""
    words = f"{texts(answer.condition)}: {possible_words(under, texts)}"
    if under.finding_id is not None:
        words += f" ({texts('nodule %(number)s', number=under.finding_id)})"
    return f"{words}: {texts.known(under.possible[0].management)}" if under.is_certain else words


def _finding(finding: Finding, image: int | None, texts: Texts) -> str:
    mean = mean_diameter_mm(finding.longest_diameter_mm, finding.perpendicular_diameter_mm)
    words = [
        texts(place_words(finding)).capitalize() if place_words(finding) else texts("side unknown"),
        texture_words(finding, texts),
        texts(
            "%(long)s x %(short)s mm (mean %(mean)s mm)",
            long=f"{finding.longest_diameter_mm:.1f}",
            short=f"{finding.perpendicular_diameter_mm:.1f}",
            mean=f"{mean:.1f}",
        ),
        f"{finding.volume_mm3:.0f} mm3",
        texts("malignancy %(percent)s %%", percent=f"{100 * finding.malignancy_probability:.0f}"),
    ]
    if image is not None:
        words.append(texts("image %(number)s", number=image))
    if finding.suspicious:
        words.append(texts("Suspicious").lower())
    return f"{finding.id}. " + ", ".join(words)


def _answer(answer: Answer, texts: Texts) -> str:
    line = f"- {answer.guideline}: {category_words(answer, texts)}"
    if answer.not_applicable:
        return line
    if answer.conditional is not None:
        line += f". {condition_words(answer, texts)}"
    else:
        if answer.finding_id is not None:
            line += f" ({texts('nodule %(number)s', number=answer.finding_id)})"
        if answer.is_certain:
            line += f": {texts.known(answer.possible[0].management)}"
    if answer.needs_reader:
        line += f" [{texts('needs a reader')}]"
    names = [texts.known(n.replace("_", " ")) for n in answer.missing]
    if names and not answer.is_certain:
        more = len(names) - _MOST_NAMES
        line += f" {texts('not known')}: {', '.join(names[:_MOST_NAMES])}"
        line += f", {texts('and %(count)s more', count=more)}" if more > 0 else ""
    return line
