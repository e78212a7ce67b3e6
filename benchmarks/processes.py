"""Processes of the benchmarks that train, and what they leave."""

import json
import os
import socket
import subprocess


def workers(command, count, **pipes):
    """`count` processes of a command, each told by TF_CONFIG who it is."""
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    addresses = [f"localhost:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    processes = []
    for number in range(count):
        task = {"type": "worker", "index": number}
        content = {"cluster": {"worker": addresses}, "task": task}
        environment = {**os.environ, "TF_CONFIG": json.dumps(content)}
        environment.setdefault("TF_NUM_INTRAOP_THREADS", "1")
        processes.append(subprocess.Popen(command, env=environment, text=True, **pipes))
    return processes


def tensors(workdir):
    """{name: array} of the newest checkpoint."""
    import tensorflow as tf

    path = tf.train.latest_checkpoint(str(workdir / "checkpoints"))
    reader = tf.train.load_checkpoint(path)
    skip = ("_CHECKPOINTABLE_OBJECT_GRAPH", "save_counter/.ATTRIBUTES/VARIABLE_VALUE")
    names = reader.get_variable_to_dtype_map()
    return {name: reader.get_tensor(name) for name in names if name not in skip}
