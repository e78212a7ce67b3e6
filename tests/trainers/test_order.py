"""In the graph that TensorFlow makes of a step and then optimizes, every read of a
variable has its place before or after every write to it: else a step may now and then
see a weight of the next."""

import collections

import pytest
import tensorflow as tf
from harness import NAMES
from harness import each
from harness import toy_batch
from harness import toy_config
from tensorflow.python.eager import context

from tfcolor.training import build


@pytest.mark.parametrize("name", each(NAMES, quick=("wgan_gp", "uotm")))
def test_reads_and_writes_of_a_variable_are_in_order(name):
    config = toy_config(name)
    trainer = build.trainer(config)
    step = tf.function(trainer.train_step, autograph=False)
    batch = {
        key: tf.constant(value)
        for key, value in toy_batch(config, trainer.n_critic).items()
    }
    graph = optimized(step, batch)
    pairs = list(competing(graph))
    assert len(pairs) > len(trainer.networks()["g"].trainable_variables)
    assert [pair for pair in pairs if not ordered(graph, *pair)] == []


def test_what_has_no_order_is_found():
    """Of a graph by hand: a read that only its own variable's handle precedes."""
    graph = {"v": ("_Arg", []), "a": ("ReadVariableOp", ["v"])}
    graph |= {"b": ("Neg", ["a"]), "c": ("ReadVariableOp", ["v"])}
    graph["write"] = "AssignVariableOp", ["v", "b"]
    assert set(competing(graph)) == {("write", "a"), ("write", "c")}
    assert ordered(graph, "write", "a")
    assert not ordered(graph, "write", "c")


def optimized(step, batch):
    """{name: (type, names of what comes before)} of the graph that a step runs."""
    context.context().enable_graph_collection()
    try:
        step(batch)
        graphs = context.context().export_run_metadata().function_graphs
    finally:
        context.context().disable_graph_collection()
    (graph,) = max(graphs, key=lambda each: each.ByteSize()).partition_graphs
    return {
        node.name: (node.op, [x.lstrip("^").partition(":")[0] for x in node.input])
        for node in graph.node
    }


def competing(graph):
    """(a node that writes to a variable, another that reads it or writes to it)."""
    writers, users = collections.defaultdict(list), collections.defaultdict(list)
    for name, (kind, before) in graph.items():
        for variable in before:
            if graph[variable][0] == "_Arg" and kind.endswith("VariableOp"):
                users[variable].append(name)
            if kind.startswith(("Assign", "ResourceApply")):
                writers[variable].append(name)
    for variable, names in writers.items():
        for writer in names:
            if graph[variable][0] == "_Arg":
                others = set(users[variable]) | set(names)
                yield from ((writer, other) for other in others - {writer})


def ordered(graph, first, second):
    return first in ancestors(graph, second) or second in ancestors(graph, first)


def ancestors(graph, name):
    found, left = set(), [name]
    while left:
        for before in graph[left.pop()][1]:
            if before not in found:
                found.add(before)
                left.append(before)
    return found
