"""Faults in the loop of a run, and in several workers of one."""

from faults.fault import Fault

LOOP = [
    Fault(
        "loop.losses_that_nobody_looks_at",
        "training/loop.py",
        "for number, logs in losses.read():",
        "for number, logs in losses.read()[-1:]:",
        "tests/training/test_callbacks.py -k named_with_its_step",
    ),
    Fault(
        "loop.written_before_the_losses_are_seen",
        "training/callbacks.py",
        "if not math.isfinite(value) and not excused:",
        "if not math.isfinite(value) and excused:",
        "tests/training/test_callbacks.py -k nan_gradients",
    ),
    Fault(
        "loop.waits_at_every_step",
        "training/callbacks.py",
        "return step == self.last or (bool(self.every) and step % self.every == 0)",
        "return True",
        "tests/training/test_callbacks.py -k host_waits",
    ),
    Fault(
        "loop.ends_at_a_signal_without_a_checkpoint",
        "training/callbacks.py",
        "return self.signal is not None or super().due(step)",
        "return super().due(step)",
        "tests/training/test_callbacks.py -k is_saved_at_its_interval",
    ),
    Fault(
        "steps.rates_of_the_next_step",
        "training/steps.py",
        'f"lr/{key}": optimizer.learning_rate',
        'f"lr/{key}": optimizer._learning_rate(optimizer.iterations + 1)',
        "tests/training/test_stages.py -k rates_fall",
    ),
]

WORKERS = [
    Fault(
        "workers.each_reads_the_whole_batch",
        "training/loop.py",
        "shard=self.workers.number,",
        "shard=0,",
        "tests/training/test_workers.py -k two_workers_end",
    ),
    Fault(
        "workers.chief_after_the_workers",
        "training/workers.py",
        'for job in ("chief", "worker")',
        'for job in ("worker", "chief")',
        "tests/training/test_workers.py -k who_this_worker_is",
    ),
    Fault(
        "workers.an_error_is_not_told",
        "training/workers.py",
        "            self._report(line)\n",
        "",
        "tests/training/test_workers.py -k told_to_all",
    ),
    Fault(
        "workers.who_is_gone_is_who_says_it",
        "training/workers.py",
        'return f"{self._name(gone[0])} is gone" if gone else None',
        'return f"{self._name(self.number)} is gone" if gone else None',
        "tests/training/test_workers.py -k told_to_all",
    ),
    Fault(
        "workers.a_signal_is_this_workers_alone",
        "training/callbacks.py",
        "self.ended_by = self.workers.largest(self.signal or 0) or None",
        "self.ended_by = self.signal",
        "tests/training/test_workers.py -k ask_for_signals",
    ),
    Fault(
        "workers.a_signal_is_heard_at_steps_of_its_own",
        "training/callbacks.py",
        "return step % self.TOGETHER == 0 or super().due(step)",
        "return self.signal is not None or super().due(step)",
        "tests/training/test_workers.py -k ask_for_signals",
    ),
    Fault(
        "workers.validation_is_of_the_first_part",
        "training/workers.py",
        "return dataset.shard(self.count, self.number)",
        "return dataset.shard(self.count, 0)",
        "tests/training/test_workers.py -k shared_out",
    ),
    Fault(
        "workers.replicas_take_every_nth_example",
        "training/workers.py",
        "tf.reshape(x, [replicas, x.shape[0] // replicas, *x.shape[1:]])",
        "tf.stack([x[i::replicas] for i in range(replicas)])",
        "tests/training/test_workers.py -k divided_in_its_order",
    ),
]

FAULTS = LOOP + WORKERS
