"""The fencer's agents are run by lrmd, which may not be there yet."""

import random

from cib.document import Document
from cib.initial import empty_document
from cib.operations import apply_requests
from cib.requests import Request
from crmd.events import ToExecutor
from crmd.fence_side import FenceSide
from crmd.post import Post
from crmd.workbook import Workbook
from ipc.units import Milliseconds
from lrmd.messages import RunOnce
from stonith.fencer import Fencer

T0 = Milliseconds(0)
DEVICE = b'<primitive id="power" class="stonith" type="fence_x"/>'


def with_device() -> Document:
    document = empty_document()
    apply_requests(document, (Request("create", section="resources", xml=DEVICE),))
    return document


def agents(post: Post) -> list[str]:
    return [
        effect.message.action
        for effect in post.take()
        if isinstance(effect, ToExecutor) and isinstance(effect.message, RunOnce)
    ]


def test_agents_that_are_wanted_before_lrmd_is_there_are_run_when_it_comes() -> None:
    post = Post("n1")
    side = FenceSide(Fencer("n1", random.Random(1)), post, Workbook())

    side.configure(with_device(), T0)
    assert agents(post) == []

    side.executor_connected()
    assert agents(post) == ["metadata"]


def test_agents_that_waited_for_an_lrmd_that_died_are_not_run_by_the_next() -> None:
    post = Post("n1")
    side = FenceSide(Fencer("n1", random.Random(1)), post, Workbook())
    side.configure(with_device(), T0)
    side.executor_lost(T0)
    post.take()

    side.executor_connected()
    assert agents(post) == []
