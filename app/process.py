"""What changes the whole process, rather than one call, to make a run quicker: behind one switch.

With ``NODULUS_PLAIN=1`` in the environment MONAI is imported as it is, pydicom has its own decoders
alone, threads wait as OpenMP has them wait, and the input is read in this process. Findings are the
same; a run takes longer. It is for whoever looks for a fault, or tries a new version of MONAI,
pydicom or Python. Only :func:`quiet_pydicom` stays: it keeps patients' values out of what is
printed.

Imports are changed in ``nodulus detect`` and the workers of ``nodulus cohort``, processes of their
own: programs that import the chain are left alone.

What else is of the whole process, and not for speed, lies elsewhere and has no switch: what signals
do (``end_of_process.py``), workers that end with their parent (``worker_pool.py``), warnings that
are silenced while results are written (``results/warning_filter.py``), and the stack and the log
level that the MONAI Deploy App SDK wants (``deploy/sdk.py``).
"""

from __future__ import annotations

import logging
import os
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from typing import Any

PLAIN_VARIABLE = "NODULUS_PLAIN"

NOT_FOR_INFERENCE = (
    "fire",
    "ignite",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "pandas",
    "scipy.signal",
    "skimage.morphology",
    "sklearn",
    "tensorboard",
    "tensorboardX",
)
"""All of them optional for MONAI. Networks need none."""


def is_plain() -> bool:
    """Whether the environment wants none of this."""
    return os.environ.get(PLAIN_VARIABLE, "") not in ("", "0")


def import_monai() -> None:
    """Import MONAI's networks and configs, as if what :data:`NOT_FOR_INFERENCE` names were missing.

    ``import monai`` imports, and runs twice, all of MONAI's modules, and the packages that it can
    work with, which takes longer than MONAI itself. MONAI's parts that need these stay without them
    until the process ends. Everything else may be imported afterwards, the rest of MONAI too; a
    config that builds something else than one of ``monai.networks.nets`` names it by its full
    path. Where MONAI is there already, nothing happens.
    """
    if is_plain() or "monai" in sys.modules:
        return
    import torch  # noqa: F401

    hidden = [name for name in NOT_FOR_INFERENCE if name not in sys.modules]
    # With None for a module Python says that it cannot be found.
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(hidden))
    walk = pkgutil.walk_packages
    pkgutil.walk_packages = _walk_nothing  # how MONAI finds all of its modules
    try:
        import monai.utils.module

        pkgutil.walk_packages = monai.utils.module.walk_packages = walk
        import monai.bundle.config_parser
        import monai.networks.nets
    finally:
        pkgutil.walk_packages = walk
        for name in hidden:
            del sys.modules[name]


def sleep_while_waiting() -> None:
    """Let threads that wait for the process's other ones sleep (OpenMP's passive policy).

    By default they go on asking, some 300,000 times in GCC's library. Where another process wants
    the same cores that takes them from the very thread that is waited for. To be called before
    PyTorch is imported; where the environment names a policy, that one stays.
    """
    if not is_plain():
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def _walk_nothing(*_: Any, **__: Any) -> Iterator[pkgutil.ModuleInfo]:
    return iter(())


def quiet_pydicom_log() -> None:
    """Let pydicom log errors alone: its warnings quote values, which may be a patient's.

    So this is done in any case.
    """
    logging.getLogger("pydicom").setLevel(logging.ERROR)


def quiet_pydicom() -> None:
    """Let pydicom keep odd values to itself: those that matter are found and said by our readers.

    It would warn of each and quote it; so this, too, is done in any case.
    """
    import pydicom.config

    quiet_pydicom_log()
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE


def add_decoder(plugin: str, syntaxes: Iterable[str], function: tuple[str, str]) -> bool:
    """Add a plug-in to pydicom's decoders; once is enough, and further calls change nothing.

    Args:
        plugin: its name among pydicom's.
        syntaxes: the transfer syntaxes that it decodes.
        function: the module that holds what pydicom asks for, and the decoder's name in it.

    Returns:
        Whether it is there.
    """
    if is_plain():
        return False
    from pydicom.pixels import get_decoder

    for uid in syntaxes:
        decoder = get_decoder(uid)
        if plugin not in decoder.available_plugins:
            decoder.add_plugin(plugin, function)
    return True
