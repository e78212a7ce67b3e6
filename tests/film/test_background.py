"""Stages that work at the same time."""

import pytest

from tfcolor.errors import UsageError
from tfcolor.film.background import background


def test_stages_keep_the_order_pass_errors_on_and_end_each_other():
    ended, made = [], []

    def numbers():
        try:
            for number in range(1000):
                made.append(number)
                yield number
        finally:
            ended.append(True)

    stages = background(iter(background(numbers(), 2)), 2)
    assert [next(stages) for _ in range(3)] == [0, 1, 2]
    stages.close()
    assert ended == [True]
    assert len(made) < 20  # it never ran far ahead

    def failing():
        yield 1
        raise UsageError("so")

    with pytest.raises(UsageError, match="so"):
        list(background(background(failing(), 2), 2))
