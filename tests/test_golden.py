"""What an earlier version wrote still loads, colours alike and trains on alike."""

import golden_run
import numpy as np
import pytest

import tfcolor


@pytest.mark.slow
def test_a_run_and_an_export_of_an_earlier_version_colour_as_they_did():
    kept = np.load(golden_run.VALUES)
    for name, path in (("run", golden_run.RUN), ("export", golden_run.EXPORT)):
        found = tfcolor.load(path)(kept["image"])
        assert np.ptp(found, -1).max() > 50  # there is colour to compare
        # One level, because sums of floats differ from processor to processor.
        np.testing.assert_allclose(found, kept[name], rtol=0, atol=1, err_msg=name)
        assert (found == kept[name]).mean() > 0.99, name


@pytest.mark.slow
def test_a_run_of_an_earlier_version_goes_on_as_it_would_have(tmp_path):
    kept = np.load(golden_run.VALUES)
    workdir = golden_run.copied(tmp_path / "run")
    found = golden_run.weights_after(workdir, golden_run.STEPS + 1)
    assert len(found) == sum(name.startswith("weight") for name in kept) > 20
    for name, value in found.items():
        np.testing.assert_allclose(value, kept[name], rtol=0, atol=1e-5, err_msg=name)
