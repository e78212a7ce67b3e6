"""TensorBoard event files."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tensorboard.compat.proto import event_pb2
from tensorboard.plugins.hparams import summary_v2 as hparams

from tfcolor import config as config_lib
from tfcolor.types import Network


def begin(
    writer: Any, start: int, config: config_lib.Config, network: Network, name: str
) -> None:
    """What stands at the start of each event file: TensorBoard is told to forget
    what a broken-off run wrote after step `start`, and shown the config as text
    and as HParams, and at the very start the graph of a network."""
    session = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
    event = event_pb2.Event(step=start + 1, session_log=session)
    with writer.as_default(start):
        tf.raw_ops.ImportEvent(writer=writer._resource, event=event.SerializeToString())
        tf.summary.text("config", f"```\n{config_lib.dumps(config)}\n```")
        summary = hparams.hparams_pb(hparams_of(config), trial_id=name)
        tf.summary.experimental.write_raw_pb(summary.SerializeToString(), step=0)
        if start == 0:
            shape = network.get_build_config()["input_shape"]
            x = tf.TensorSpec(shape, tf.float32, "x")
            infer = tf.function(lambda x: network(x, training=False), autograph=False)
            tf.summary.graph(infer.get_concrete_function(x).graph)


def hparams_of(config: config_lib.Config) -> dict[str, int | float | str]:
    """{"section.field": number, text or truth value} of a Config."""
    return {
        name: value if isinstance(value, int | float | str) else str(value)
        for name, value in config_lib.flat(config).items()
    }


def write_scalars(writer: Any, step: int, values: Mapping[str, float]) -> None:
    """Write {name: value} of a step to TensorBoard by a tf.summary writer."""
    with writer.as_default(step):
        for name, value in values.items():
            tf.summary.scalar(name, value)
