"""LUNA16's rules once more, slowly and in plain Python, to compare with."""

from __future__ import annotations

from fractions import Fraction


def count(series, nodules, excluded, marks, most=100):
    """Count scan by scan.

    Rows are (series, x, y, z, value). Gives the scores on nodules (None where missed) and those
    of false alarms, each with its series, and the ignored and doubled marks.
    """
    on_nodules, alarms, ignored, doubled = [], [], 0, 0
    for uid in series:
        own = [m for m in marks if m[0] == uid]
        if len(own) > most:
            limit = sorted((m[4] for m in own), reverse=True)[most]
            own = [m for m in own if m[4] > limit]
        used = set()
        for nodule in [n for n in nodules if n[0] == uid]:
            hits = [k for k, m in enumerate(own) if _hits(m, nodule)]
            used.update(hits)
            doubled += max(len(hits) - 1, 0)
            on_nodules.append((uid, max((own[k][4] for k in hits), default=None)))
        for k, m in enumerate(own):
            if k in used:
                continue
            if any(e[0] == uid and _hits(m, e) for e in excluded):
                ignored += 1
            else:
                alarms.append((uid, m[4]))
    return on_nodules, alarms, ignored, doubled


def _hits(mark, nodule):
    diameter = nodule[4] if nodule[4] >= 0 else 10.0
    gap = sum((a - b) ** 2 for a, b in zip(mark[1:4], nodule[1:4], strict=True))
    return gap < (diameter / 2) ** 2


def sensitivity_at(on_nodules, alarms, scans, rate):
    """Interpolated linearly between the points of the curve, in exact fractions."""
    thresholds = sorted({p for _, p in on_nodules if p is not None} | {p for _, p in alarms})
    points = [(Fraction(0), Fraction(0))]
    for t in reversed(thresholds):
        false = sum(p >= t for _, p in alarms)
        found = sum(p is not None and p >= t for _, p in on_nodules)
        points.append((Fraction(false, scans), Fraction(found, len(on_nodules))))
    wanted = Fraction(rate)
    before = [p for p in points if p[0] <= wanted][-1]
    after = [p for p in points if p[0] > wanted]
    if not after:
        return float(before[1])
    part = (wanted - before[0]) / (after[0][0] - before[0])
    return float(before[1] + part * (after[0][1] - before[1]))
