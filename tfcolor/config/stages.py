"""The stages of a run (sizes that grow, as in Karras et al. 2018 and DeOldify)
and its phases (NoGAN, Antic 2019), cut into segments that are trained one after
the other."""

import dataclasses
import math
from typing import Any

from tfcolor.errors import UsageError

FORM = "SIZE:STEPS[:BATCH[:G_LR[:D_LR]]], several with spaces between them"


@dataclasses.dataclass(frozen=True)
class Stage:
    """Part of a run at one image size. What is 0 is as the config says."""

    image_size: int
    steps: int
    batch_size: int = 0
    g_lr: float = 0.0
    d_lr: float = 0.0


@dataclasses.dataclass(frozen=True)
class Segment:
    """Steps of a run that are all alike.

    Attributes:
      stage: the Stage, every field set.
      phase: what is trained: one of `trainers.gan.PHASES`.
      first, last: steps of the run done before it, and after it.
      examples: images seen before it.
      position: steps of the stage done before it.
      updated: {"g", "d"}: steps that the optimizer has done before it.
      resets: the optimizers start anew with it.
    """

    stage: Stage
    phase: str
    first: int
    last: int
    examples: int
    position: int
    updated: dict
    resets: bool


def parse(text: str) -> list[Stage]:
    """[Stage] of a `train.stages`; of "" none.

    Raises:
      UsageError: naming what cannot be read.
    """
    return [_stage(part) for part in _parts(text)]


def _parts(text):
    return text.replace(",", " ").split()


def _stage(text):
    kinds = (int, int, int, float, float)
    parts = text.split(":")
    try:
        values = [kind(part) for kind, part in zip(kinds, parts, strict=False)]
    except ValueError as error:
        raise UsageError(f"train.stages: {text!r} is not {FORM}") from error
    if not 2 <= len(parts) <= len(kinds):
        raise UsageError(f"train.stages: {text!r} is not {FORM}")
    if not all(value > 0 and math.isfinite(value) for value in values):
        raise UsageError(f"train.stages: {text!r}: all must be positive and finite")
    return Stage(*values)


def apply(config: Any) -> None:
    """Write the batch sizes that the stages of a Config do not give into them,
    and set its steps to their sum, its image and batch size to the last ones.

    Raises:
      UsageError: of a text that is no stages, or a setting that needs them.
    """
    parsed = parse(config.train.stages)
    if config.train.reset_optimizers and len(parsed) < 2:
        raise UsageError(
            "train.reset_optimizers: True: there is one stage, and so no second to "
            "start with new ones"
        )
    if not parsed:
        return
    config.train.stages = " ".join(
        part if part.count(":") > 1 else f"{part}:{config.data.batch_size}"
        for part in _parts(config.train.stages)
    )
    config.train.steps = sum(stage.steps for stage in parsed)
    config.data.image_size = parsed[-1].image_size
    config.data.batch_size = stages_of(config)[-1].batch_size


def extends(old: str, new: str) -> bool:
    """Whether a run with the `train.stages` `old` can go on with `new`: its last
    stage may be longer, and others may follow."""
    old, new = parse(old), parse(new)
    count = len(old)
    if not 0 < count <= len(new) or new[count - 1].steps < old[-1].steps:
        return False
    old[-1] = dataclasses.replace(old[-1], steps=new[count - 1].steps)
    return old == new[:count]


def stages_of(config: Any) -> list[Stage]:
    """The Stages of a Config, at least one, every field set."""
    data, optim = config.data, config.optim
    parsed = parse(config.train.stages)
    parsed = parsed or [Stage(data.image_size, config.train.steps)]
    d_lr = optim.g_lr if optim.d_lr is None else optim.d_lr
    return [
        Stage(
            stage.image_size,
            stage.steps,
            stage.batch_size or data.batch_size,
            stage.g_lr or optim.g_lr,
            stage.d_lr or d_lr,
        )
        for stage in parsed
    ]


def segments(config: Any, n_critic: int = 1) -> list[Segment]:
    """The Segments of a run, in their order.

    Args:
      n_critic: minibatches that a step takes unless the generator is alone.
    """
    train, result = config.train, []
    alone, together = train.generator_alone, train.generator_alone + train.critic_alone
    first, examples, updated = 0, 0, {"g": 0, "d": 0}
    for number, stage in enumerate(stages_of(config)):
        end, start = first + stage.steps, first
        resets = number > 0 and train.reset_optimizers
        if resets:
            updated = {"g": 0, "d": 0}
        while first < end:
            if first < alone:
                phase, last = "generator", min(alone, end)
            elif first < together:
                phase, last = "critic", min(together, end)
            else:
                phase, last = "together", end
            result.append(
                Segment(
                    stage,
                    phase,
                    first,
                    last,
                    examples,
                    first - start,
                    dict(updated),
                    resets and first == start,
                )
            )
            steps = last - first
            minibatches = 1 if phase == "generator" else n_critic
            examples += steps * stage.batch_size * minibatches
            updated["g"] += steps * (phase != "critic")
            updated["d"] += steps * (phase != "generator")
            first = last
    return result
