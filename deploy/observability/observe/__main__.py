"""`python -m deploy.observability.observe`: exit status 1 when an expression does not answer where it must.

python -m deploy.observability.observe [--only ACT]...
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cli.demo.scene import Check, Scene
from deploy.local import ports
from deploy.local.folder import PROJECT, Folder
from deploy.local.problem import Problem, explained
from deploy.local.state import holder
from deploy.local.suite import Suite
from deploy.observability.dashboards import BOARDS
from deploy.observability.observe import day, load, page, server
from deploy.observability.observe.questions import Asker, Question, questions
from deploy.observability.observe.server import Prometheus
from deploy.observability.observe.troubles import MOST_CALLS, TROUBLES, Stage, Trouble
from tools.providers.desk import Desk
from tools.providers.server import serving as providers

_FOLDER = PROJECT / ".run" / "observe"
_LOAD = "load"
_LOAD_PATIENCE = 120.0
_DAY_SECONDS = 180.0
"""Of ordinary business, for the panels to show something."""
_LOOK_SECONDS = 0.5
_ACTS = (_LOAD, *(trouble.title for trouble in TROUBLES))


@explained()
def main() -> None:
    """Entry point."""
    acts = _asked_for()
    console = Console(highlight=False, soft_wrap=True)
    _clear(_FOLDER)
    began = time.monotonic()
    (port,) = ports.free(1)
    with providers(_FOLDER / "providers") as payments:
        environment = payments.settings(f"http://127.0.0.1:{port}/v1/paymentNotices")
        environment["KEHU_MAX_CONCURRENT_CALLS"] = str(MOST_CALLS)
        with (
            Suite(_FOLDER / "suite", gateway_port=port, environment=environment) as suite,
            server.serving(_FOLDER / "prometheus", suite.state) as prometheus,
        ):
            console.print(f"The suite and Prometheus ({prometheus.url}) run after {time.monotonic() - began:.0f} s.")
            answered = _ask(suite, prometheus, payments.wechat_pay, acts, console)
    judged = _judged(acts)
    wrong = {question: sentence for question, sentence in _judge(answered).items() if question in judged}
    console.print(_table(judged, answered, wrong))
    told = sum(question in answered for question in judged)
    console.print(f"{told} of {len(judged)} expressions answered; the pages are in {_FOLDER / 'pages'}.")
    console.print(f"It took {time.monotonic() - began:.0f} s.")
    for sentence in wrong.values():
        console.print(f"✗ {sentence}", markup=False)
    sys.exit(1 if wrong else 0)


def _asked_for() -> Sequence[str]:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.observability.observe", description="Ask a real Prometheus."
    )
    say = f"do only this, and judge only what must tell of it: {', '.join(_ACTS)}"
    parser.add_argument("--only", action="append", choices=_ACTS, metavar="ACT", help=say)
    return parser.parse_args().only or _ACTS


def _ask(
    suite: Suite, prometheus: Prometheus, desk: Desk, acts: Sequence[str], console: Console
) -> Mapping[Question, str]:
    asker = Asker(prometheus, act=_LOAD)
    asker.start()
    try:
        scene = Scene(suite.gateway.removeprefix("http://"), suite.token("admin"), lambda check: _tell(console, check))
        if _LOAD in acts:
            _business(asker, scene, desk, console)
        else:
            load.play(scene)
        stage = Stage.build(suite)
        for trouble in TROUBLES:
            if trouble.title in acts:
                _act(asker, trouble, stage, console)
        return dict(asker.answered)
    finally:
        asker.end()


def _business(asker: Asker, scene: Scene, desk: Desk, console: Console) -> None:
    console.print("Business as usual")
    start = time.time()
    with day.going_on(scene, desk):
        load.play(scene)
        _wait(asker, _expected_under_load(), _LOAD_PATIENCE)
        time.sleep(max(0.0, start + _DAY_SECONDS - time.time()))
        _draw(asker.prometheus, start, console)
    _told(asker, _expected_under_load(), start, console)


def _act(asker: Asker, trouble: Trouble, stage: Stage, console: Console) -> None:
    console.print(f"Trouble: {trouble.title}")
    asker.act = trouble.title
    began = time.time()
    wanted = {question for question in questions() if _told_by(trouble, question)}
    try:
        late = {each for each in wanted if each.title in trouble.late}
        with trouble.provoke(stage):
            _wait(asker, wanted - late, trouble.patience)
        _wait(asker, late, trouble.patience)
    except Exception as error:  # noqa: BLE001 - a trouble that can't be made must not hide what the others tell
        console.print(f"✗ {error!r}", markup=False)
    _told(asker, wanted, began, console)


def _told(asker: Asker, wanted: set[Question], began: float, console: Console) -> None:
    left = [question.title for question in asker.silent() if question in wanted]
    console.print(
        f"  told of by {len(wanted) - len(left)} of {len(wanted)} after {time.time() - began:.0f} s"
        f"{': not ' + ', '.join(left) if left else ''}"
    )


def _wait(asker: Asker, wanted: set[Question], patience: float) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and not wanted <= asker.answered.keys():
        time.sleep(_LOOK_SECONDS)


def _told_by(trouble: Trouble, question: Question) -> bool:
    listed = (*trouble.alerts, *trouble.late) if question.kind == "alert" else trouble.panels
    return question.title in listed


def _expected_under_load() -> set[Question]:
    listed = {question for question in questions() for trouble in TROUBLES if _told_by(trouble, question)}
    return {question for question in questions() if question not in listed and question.kind in {"panel", "record"}}


def _judged(acts: Sequence[str]) -> list[Question]:
    """All questions, or those whose answer these acts must bring."""
    if set(acts) == set(_ACTS):
        return list(questions())
    found = set(_expected_under_load()) if _LOAD in acts else set()
    found |= {
        question
        for trouble in TROUBLES
        if trouble.title in acts
        for question in questions()
        if _told_by(trouble, question)
    }
    return [question for question in questions() if question in found]


def _judge(answered: Mapping[Question, str]) -> dict[Question, str]:
    """What is wrong with each question that something is wrong with."""
    expected = _expected_under_load()
    wrong: dict[Question, str] = {}
    for question in questions():
        act = answered.get(question)
        if act is None:
            wrong[question] = f"{question.title} never answered: {question.expression}"
        elif act != _LOAD and question in expected:
            wrong[question] = f"{question.title} answered only in trouble ({act}), and no trouble lists it."
        elif question.kind == "alert" and not any(_told_by(trouble, question) for trouble in TROUBLES):
            wrong[question] = f"{question.title} is provoked by no trouble."
    return wrong


def _draw(prometheus: Prometheus, start: float, console: Console) -> None:
    for board in BOARDS:
        page.write(_FOLDER / "pages" / f"{board.name}.html", board, prometheus, (start, time.time()))
    page.index(_FOLDER / "pages" / "index.html", BOARDS)
    console.print(f"The dashboards as they look under this load: {_FOLDER / 'pages' / 'index.html'}")


def _table(judged: Sequence[Question], answered: Mapping[Question, str], wrong: Mapping[Question, str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("", "kind", "where", "answered"):
        table.add_column(title)
    for question in judged:
        mark = "[red]✗[/]" if question in wrong else "[green]✓[/]"
        table.add_row(mark, question.kind, question.title, answered.get(question, "never"))
    return table


def _tell(console: Console, check: Check) -> None:
    if not check.holds:
        console.print(f"  not as expected: {check.title}: {check.seen}"[:300], markup=False)


def _clear(folder: Path) -> None:
    suite = Folder(folder / "suite")
    if suite.lock.exists() and holder(suite) is not None:
        raise Problem(f"`make observe` runs already in {folder}; wait until it is over.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # PostgreSQL may run as another account, which must pass through.
    folder.chmod(0o711)


if __name__ == "__main__":
    main()
