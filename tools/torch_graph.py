"""A step recorded as a CUDA graph, for networks whose kernels are shorter than the
time it takes to launch them."""

import torch

WARM_UP = 12  # calls before one is recorded, in which cuDNN chooses its kernels


def rate(value, device):
    """Arguments of an optimizer, or of a group of it, with this learning rate, which
    on a GPU is read there, so that a recorded step sees it change."""
    if device == "cpu":
        return {"lr": value}
    return {"lr": torch.tensor(value, device=device), "capturable": True}


def set_rate(group, value):
    """Change the learning rate of a group of an optimizer."""
    if torch.is_tensor(group["lr"]):
        group["lr"].fill_(value)
    else:
        group["lr"] = value


class Recorded:
    """`update(inputs)` of tensors of fixed shapes, recorded once for each key.

    Args:
      update: takes a tuple of tensors, gives {name: tensor}. It reads nothing from
        the GPU, and what it decides in Python depends on the key alone.

    Returns of a call: those tensors, which the next call of the key overwrites.
    """

    def __init__(self, update):
        self.update, self.calls, self.graphs = update, {}, {}
        self.stream = torch.cuda.Stream()

    def __call__(self, key, inputs):
        if key not in self.graphs:
            self.calls[key] = self.calls.get(key, 0) + 1
            if self.calls[key] <= WARM_UP:
                return self._beside(inputs)
            self.graphs[key] = self._record(inputs)
        graph, held, found = self.graphs[key]
        for mine, given in zip(held, inputs, strict=True):
            mine.copy_(given)
        graph.replay()
        return found

    def _beside(self, inputs):
        """A call on the stream that records."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            found = self.update(inputs)
        torch.cuda.current_stream().wait_stream(self.stream)
        return found

    def _record(self, inputs):
        """(graph, its inputs, its outputs); nothing is computed."""
        held = type(inputs)(*(tensor.clone() for tensor in inputs))
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(
            graph, stream=self.stream, capture_error_mode="thread_local"
        ):
            found = self.update(held)
        return graph, held, found
