"""The files of examples/kubernetes say what the commands and the workers understand."""

import json
import os
import subprocess

import pytest
from harness import ROOT

from tfcolor.cli import train
from tfcolor.training import workers

yaml = pytest.importorskip("yaml")
FOLDER = ROOT / "examples" / "kubernetes"


def documents(name):
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def pod_of(name):
    """The pod of a training job, and how many there are."""
    job = documents(name)[-1]["spec"]
    if "tfReplicaSpecs" in job:
        job = job["tfReplicaSpecs"]["Worker"]
        return job["template"]["spec"], job["replicas"]
    return job["template"]["spec"], job["completions"]


@pytest.mark.parametrize("name", ["train.yaml", "tfjob.yaml"])
def test_the_flags_of_a_job_are_those_of_the_command(name, monkeypatch):
    (container,) = pod_of(name)[0]["containers"]
    words = " ".join(container["args"]).replace("\\", "").split()
    given = [word for word in words if word.startswith("--")]
    from absl import flags

    values = flags.FlagValues()
    values(train.define(values, ["train", *given]))
    settings = train.settings(values)
    assert settings["train.strategy"] == "workers"
    assert settings["data.batch_size"] % pod_of(name)[1] == 0
    assert settings["data.source"] == "folder:/photos"
    mounted = {volume["mountPath"] for volume in container["volumeMounts"]}
    assert mounted == {"/photos", "/runs"}
    assert values.workdir == "/runs/photos"


@pytest.mark.parametrize("number", [0, 1])
def test_a_pod_of_a_job_knows_the_others(number, monkeypatch):
    """What its shell makes of its index, run here in place of the training."""
    service, job = documents("train.yaml")
    pod, count = pod_of("train.yaml")
    script = pod["containers"][0]["args"][0].partition("exec ")[0]
    environment = {**os.environ, "JOB_COMPLETION_INDEX": str(number)}
    environment |= {e["name"]: e["value"] for e in pod["containers"][0]["env"]}
    done = subprocess.run(
        ["bash", "-c", f'{script} printf %s "$TF_CONFIG"'],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    monkeypatch.setenv("TF_CONFIG", done.stdout)
    found = workers.cluster()
    assert (found.number, len(found.tasks)) == (number, count)
    name, port = job["metadata"]["name"], service["spec"]["ports"][0]["port"]
    expected = [f"{name}-{i}.{pod['subdomain']}:{port}" for i in range(count)]
    assert [address for *_, address in found.tasks] == expected
    assert service["metadata"]["name"] == pod["subdomain"]
    assert service["spec"]["selector"] == job["spec"]["template"]["metadata"]["labels"]
    assert json.loads(done.stdout)["task"]["type"] == "worker"
