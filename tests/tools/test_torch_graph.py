"""Steps recorded as CUDA graphs, and the rates that they read."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra bench)")
import torch_graph

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def test_a_rate_changes_where_the_optimizer_reads_it():
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = torch.optim.SGD([weight], **torch_graph.rate(0.5, "cpu"))
    weight.grad = torch.tensor([1.0])
    optimizer.step()
    torch_graph.set_rate(optimizer.param_groups[0], 0.125)
    optimizer.step()
    assert weight.item() == 1.0 - 0.5 - 0.125


def test_a_rate_that_is_a_tensor_stays_the_same_tensor():
    group = {"lr": torch.tensor(0.5)}
    held = group["lr"]
    torch_graph.set_rate(group, 0.25)
    assert group["lr"] is held
    assert held.item() == 0.25


@on_gpu
def test_recorded_steps_are_those_launched_one_by_one():
    def trained(recorded):
        weight = torch.nn.Parameter(torch.ones(3, device="cuda"))
        optimizer = torch.optim.AdamW([weight], **torch_graph.rate(0.1, "cuda"))

        def update(inputs):
            loss = ((weight - inputs[0]) ** 2).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return {"loss": loss.detach()}

        step, losses = torch_graph.Recorded(update), []
        for number in range(3 * torch_graph.WARM_UP):
            torch_graph.set_rate(optimizer.param_groups[0], 0.1 / (1 + number))
            target = torch.full((3,), float(number), device="cuda")
            found = step(number % 2, (target,)) if recorded else update((target,))
            losses.append(found["loss"].item())
        return losses, weight.detach().cpu().numpy()

    for found, true in zip(trained(True), trained(False), strict=True):
        np.testing.assert_allclose(found, true, rtol=1e-6)
