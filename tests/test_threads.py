import numpy as np
import threadpoolctl

from tfcolor import threads


def of_blas():
    return [
        found["num_threads"]
        for found in threadpoolctl.threadpool_info()
        if found["user_api"] == "blas"
    ]


def test_blas_has_one_thread_until_the_context_ends():
    np.zeros((2, 2)) @ np.zeros((2, 2))
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        assert set(of_blas()) == {2}
        with threads.one_in_blas():
            assert set(of_blas()) == {1}
        assert set(of_blas()) == {2}
