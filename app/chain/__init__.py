"""From a volume to findings: the chain, written once and called by everything else."""

from nodulus.app.chain.analyse import analyse
from nodulus.app.chain.analysis import Analysis
from nodulus.app.chain.chain import Chain
from nodulus.app.chain.explain import Occlusion
from nodulus.app.chain.models import Models, load_models
from nodulus.app.chain.scan_views import ScanViews
from nodulus.app.chain.score_candidates import ScoredCandidates, score_candidates
from nodulus.app.chain.settings import ChainSettings, load_settings

__all__ = [
    "Analysis",
    "Chain",
    "ChainSettings",
    "Models",
    "Occlusion",
    "ScanViews",
    "ScoredCandidates",
    "analyse",
    "load_models",
    "load_settings",
    "score_candidates",
]
