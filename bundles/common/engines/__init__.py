"""Handlers and steps that the configs need and MONAI and Ignite do not have."""

from nodulus.bundles.common.engines.autocast import AutocastInferer, autocast_type
from nodulus.bundles.common.engines.batches import (
    image_and_target,
    key_metric,
    learning_rate,
    loss_output,
)
from nodulus.bundles.common.engines.checkpoints import (
    attach_checkpoints,
    best_checkpoint,
    final_checkpoint,
    latest,
)
from nodulus.bundles.common.engines.clipping import GradientClipper
from nodulus.bundles.common.engines.determinism import SeedEpochs, begin
from nodulus.bundles.common.engines.distributed import (
    SharedBuffers,
    leave,
    local_device,
    on_rank0,
    parallel,
    rank,
    rank0_first,
    shard,
)
from nodulus.bundles.common.engines.handler_adapters import AttachedHandler, HandlerAt
from nodulus.bundles.common.engines.progress_log import ProgressLog, on_terminal
from nodulus.bundles.common.engines.schedule import learning_rate_schedule
from nodulus.bundles.common.engines.validation_pictures import ValidationPictures
from nodulus.bundles.common.engines.weights import (
    channels_last_3d,
    expect_rare,
    load_weights,
    publish,
)

__all__ = [
    "AttachedHandler",
    "AutocastInferer",
    "GradientClipper",
    "HandlerAt",
    "ProgressLog",
    "SeedEpochs",
    "SharedBuffers",
    "ValidationPictures",
    "attach_checkpoints",
    "autocast_type",
    "begin",
    "best_checkpoint",
    "channels_last_3d",
    "expect_rare",
    "final_checkpoint",
    "image_and_target",
    "key_metric",
    "latest",
    "learning_rate",
    "learning_rate_schedule",
    "leave",
    "load_weights",
    "local_device",
    "loss_output",
    "on_rank0",
    "on_terminal",
    "parallel",
    "publish",
    "rank",
    "rank0_first",
    "shard",
]
