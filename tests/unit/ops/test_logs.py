"""Log files rotate, lines survive any cut of the stream, prefixes tell processes apart."""

from pathlib import Path

import pytest

from crossdock.ops.logs import LINE_MAX, Lines, Prefixer, RotatingLog


def test_a_log_rotates_by_size_and_keeps_a_few(tmp_path: Path) -> None:
    """Past the limit the file moves to .1, that one to .2, and the oldest is gone; no line is lost between them."""
    log = RotatingLog(tmp_path / "a.log", limit=20, keep=2)
    for number in range(8):
        log.write(b"line %d..." % number)
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log", "a.log.1", "a.log.2"]
    assert (tmp_path / "a.log").read_bytes().endswith(b"line 7...\n")
    kept = b"".join((tmp_path / name).read_bytes() for name in ("a.log.2", "a.log.1", "a.log"))
    assert b"line 5...\nline 6...\nline 7...\n" in kept


def test_a_log_goes_on_where_the_last_run_ended(tmp_path: Path) -> None:
    """A second run appends, and counts what the first one wrote."""
    for line in (b"first", b"second"):
        log = RotatingLog(tmp_path / "a.log", limit=1_000)
        log.write(line)
        log.close()
    assert (tmp_path / "a.log").read_bytes() == b"first\nsecond\n"


@pytest.mark.parametrize("cut", range(12))
def test_lines_are_the_same_wherever_the_stream_is_cut(cut: int) -> None:
    """A chunk may end anywhere, also inside a character."""
    stream = "eins\nzwölf\n3".encode()
    lines = Lines()
    found = [*lines.feed(stream[:cut]), *lines.feed(stream[cut:]), *lines.end()]
    assert [line.decode() for line in found] == ["eins", "zwölf", "3"]


def test_an_endless_line_is_cut() -> None:
    """Output without line ends does not grow in memory."""
    lines = Lines()
    found = [line for _ in range(5) for line in lines.feed(b"x" * LINE_MAX)]
    assert len(found) == 4
    assert all(len(line) == LINE_MAX for line in found)


def test_each_process_has_its_prefix_and_colour() -> None:
    """Names are padded to one width; colours differ where there are colours."""
    plain, coloured = Prefixer(8, colour=False), Prefixer(8, colour=True)
    assert plain.prefixed("orders", "hello") == "orders   | hello"
    assert coloured.prefixed("orders", "x")[:5] != coloured.prefixed("payments", "x")[:5]
