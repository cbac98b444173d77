"""From a volume to findings: the chain, written once and called by everything else."""

from app.chain.analyse import analyse
from app.chain.analysis import Analysis
from app.chain.explain import Occlusion
from app.chain.models import Models, load_models
from app.chain.scan import Scan
from app.chain.search import Searched, search
from app.chain.settings import ChainSettings, load_settings

__all__ = [
    "Analysis",
    "ChainSettings",
    "Models",
    "Occlusion",
    "Scan",
    "Searched",
    "analyse",
    "load_models",
    "load_settings",
    "search",
]
