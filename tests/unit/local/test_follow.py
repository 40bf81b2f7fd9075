from pathlib import Path

from deploy.local.follow import Follower, Merger


def test_a_line_is_read_when_it_is_complete(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    follower = Follower(log)
    log.write_text("one\ntw")

    assert follower.lines() == ["one"]
    with log.open("a") as file:
        file.write("o\n")
    assert follower.lines() == ["two"]
    assert follower.lines() == []


def test_a_log_that_is_not_there_yet_has_no_lines(tmp_path: Path) -> None:
    assert Follower(tmp_path / "a.log").lines() == []


def test_a_rotated_log_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    follower = Follower(log)
    log.write_text("a long line before\n")
    follower.lines()
    log.write_text("after\n")

    assert follower.lines() == ["after"]


def test_bytes_that_are_no_text_do_not_stop_it(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"\xff\n")

    assert Follower(log).lines() == ["\ufffd"]


def test_the_lines_of_all_processes_come_together_with_their_names(tmp_path: Path) -> None:
    (tmp_path / "orders-serve.log").write_text("hello\n")
    (tmp_path / "members-relay.log").write_text("hi\n")
    merger = Merger(tmp_path)

    added = merger.gather()

    assert added == ["members-relay     | hi", "orders-serve      | hello"]
    assert merger.path.read_text().splitlines() == added
    assert merger.gather() == []
