"""What a worker does when drawing breaks, with painters that break it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.api import Failed, FailureKind, Finished, Lost, Started, TextToImage, WorkItem
from engine.frames import HEADER, Loaded, Reply, Run, body_length, pack, unpack_reply
from engine.worker import DEVICE_FAILED

ROOT = Path(__file__).parent.parent.parent

SCRIPT = """
import os, sys
import torch
from engine.api import RequestError
from engine.mailboxes import Inbox, Outbox
from engine.painter import Drawing, NoMemoryError
from engine.worker import Worker, _take_stdout

class BrokenPainter:
    loaded = frozenset({{"tiny"}})
    capacity_pixels = 1

    def draw_batch(self, items, *, report, is_stopped, end):
        for item in items:
            if item.request.prompt == "a cat":
                raise {error}
        for item in items:
            end(item, Drawing(pictures=[], timings={{}}))

replies = _take_stdout()
inbox, outbox = Inbox(sys.stdin.buffer), Outbox(replies)
Worker(painter=BrokenPainter(), reader=None, inbox=inbox, outbox=outbox).run()
"""


def item(job_id: int, prompt: str = "a cat") -> WorkItem:
    request = TextToImage(model="tiny", prompt=prompt, height=64, width=64, seed=1)
    return WorkItem(job_id=job_id, fence=1, request=request)


def run(error: str, *batches: list[WorkItem]) -> tuple[list[Reply], int, bytes]:
    """Send batches to a worker whose painter raises at cats; return replies, status and log.

    The last reply that is waited for is a failure of job 2.
    """
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(error=error)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        assert worker.stderr is not None
        worker.stdin.write(b"".join(pack(Run(batch)) for batch in batches))
        worker.stdin.flush()
        replies: list[Reply] = []
        while header := worker.stdout.read(HEADER.size):
            replies.append(unpack_reply(worker.stdout.read(body_length(header))))
            if isinstance(replies[-1], Failed) and replies[-1].job_id == 2:
                break
        worker.stdin.close()
        return replies, worker.wait(), worker.stderr.read()


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        ('ZeroDivisionError("secret detail")', FailureKind.INTERNAL, "Something broke"),
        ('NoMemoryError("try a smaller size")', FailureKind.OUT_OF_MEMORY, "try a smaller size"),
        ('RequestError("seed", "is odd")', FailureKind.INVALID, "seed: is odd"),
    ],
)
def test_a_failure_is_told_and_the_worker_goes_on(
    error: str, kind: FailureKind, message: str
) -> None:
    replies, status, log = run(error, [item(1)], [item(2)])
    failures = [reply for reply in replies if isinstance(reply, Failed)]
    assert [(failure.job_id, failure.kind) for failure in failures] == [(1, kind), (2, kind)]
    assert message in failures[0].message
    assert "secret" not in failures[0].message
    assert (b"Traceback" in log) is (kind is FailureKind.INTERNAL)
    assert status == 0


def test_after_a_failure_of_the_device_the_job_is_lost_and_the_worker_leaves() -> None:
    error = 'torch.AcceleratorError("CUDA error: an illegal memory access\\nmore")'
    replies, status, log = run(error, [item(1)], [item(2)])
    assert status == DEVICE_FAILED
    started, lost = [reply for reply in replies if not isinstance(reply, Loaded)]
    assert isinstance(started, Started)
    assert isinstance(lost, Lost)
    assert lost.reason == "the device failed: CUDA error: an illegal memory access"
    assert b"Traceback" in log


def test_one_jobs_fault_is_no_others() -> None:
    batch = [item(1, "a dog"), item(2), item(3, "a bird")]
    replies, status, _ = run('ZeroDivisionError("no")', batch[:1] + batch[2:] + batch[1:2])
    ends = [reply for reply in replies if isinstance(reply, Finished | Failed)]
    assert [(type(end), end.job_id) for end in ends] == [
        (Finished, 1),
        (Finished, 3),
        (Failed, 2),
    ]
    assert status == 0


def test_a_device_that_fails_loses_the_whole_batch() -> None:
    error = 'torch.AcceleratorError("CUDA error: an illegal memory access")'
    replies, status, _ = run(error, [item(1), item(2)])
    assert status == DEVICE_FAILED
    assert [reply.job_id for reply in replies if isinstance(reply, Lost)] == [1, 2]
