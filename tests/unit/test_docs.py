"""Documents that cannot drift: links lead somewhere, commands exist, the example of the howto runs as it stands."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pages
import pytest
from docs.generators.cli import commands

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted(page for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")] if page.name != "guide.md")

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page in one language."""
    return [body for name, body in BLOCK.findall(page.read_text()) if name == language]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file that is there."""
    missing = [
        link for link in LINK.findall(page.read_text()) if "://" not in link and not (page.parent / link).exists()
    ]
    assert not missing


def test_every_page_can_be_found() -> None:
    """From the README a reader reaches every page by links; decisions are found through their folder."""
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        reached.add(page)
        for link in LINK.findall(page.read_text()):
            target = (page.parent / link).resolve()
            if target.suffix == ".md" and target.exists() and target not in reached:
                todo.append(target)
    assert [page.name for page in PAGES if page not in reached and page.parent.name != "decisions"] == []


def documented_commands() -> list[tuple[str, tuple[str, ...]]]:
    """The command lines of crossdock in the pages' shell blocks: page and words."""
    found = []
    for page in PAGES:
        for line in "\n".join(blocks(page, "bash")).replace("\\\n", " ").splitlines():
            if line.partition(" ")[0].rpartition("/")[2] == "crossdock":
                found.append((page.name, tuple(shlex.split(line, comments=True)[1:])))
    return found


@pytest.mark.parametrize(("page", "words"), documented_commands(), ids=str)
def test_documented_commands_exist(page: str, words: tuple[str, ...]) -> None:
    """Every `crossdock …` of a shell block is a command, and its flags are flags of that command."""
    known = dict(commands())
    path = max((path for path in known if " ".join(("crossdock", *words)).startswith(path)), key=len)
    assert not getattr(known[path], "no_args_is_help", False), f"{path} is not a whole command"
    flags = {flag for option in known[path].params for flag in option.opts}
    assert [word for word in words if word.startswith("--") and word not in flags] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_is_run(page: Path) -> None:
    """A page with shell commands is run by a test in tests/contract, or says before each block why it is only shown."""
    name = str(page.relative_to(ROOT))
    unexplained = [block.body for block in pages.blocks(page) if block.language == "bash" and block.reason is None]
    assert name in pages.RUN_BY or unexplained == [], (
        "name the page in tests/contract/pages.py, or say `<!-- not run: … -->`"
    )


def test_the_pages_that_are_run_exist() -> None:
    """No test runs a page that is gone."""
    assert [name for name in pages.RUN_BY if not (ROOT / name).exists()] == []


def test_make_targets_exist() -> None:
    """Every `make …` of a shell block is a target."""
    makefile = (ROOT / "Makefile").read_text()
    for page in PAGES:
        for target in re.findall(r"^make (\w+)", "\n".join(blocks(page, "bash")), re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name}: make {target}"


def excerpts(page: Path) -> list[tuple[str, str]]:
    """The Python blocks of a page, each with the last file of the repository that is named before it."""
    text = page.read_text()
    found = []
    for block in BLOCK.finditer(text):
        if block[1] == "python":
            files = re.findall(r"`((?:src|tests)/[\w/]+\.py)`", text[: block.start()])
            found.append((files[-1], block[2]))
    return found


@pytest.mark.parametrize(
    ("file", "code"),
    [pair for name in ("add-an-action.md", "add-an-event.md") for pair in excerpts(ROOT / "docs" / "howto" / name)],
)
def test_an_excerpt_is_the_code_as_it_stands(file: str, code: str) -> None:
    """What a howto shows of a file is in that file, line for line; indentation and a last comma aside."""
    there = "\n".join(line.strip() for line in (ROOT / file).read_text().splitlines())
    shown = "\n".join(line.strip() for line in code.splitlines())
    assert re.search(rf"^{re.escape(shown)},?$", there, re.MULTILINE)


def test_named_files_are_there() -> None:
    """A path below src, tests, docs, examples or deployment-scripts that a page names leads somewhere."""
    named = re.compile(r"`((?:src|tests|docs|examples|deployment-scripts)/[\w./-]+)`")
    missing = [
        (page.name, path) for page in PAGES for path in named.findall(page.read_text()) if not (ROOT / path).exists()
    ]
    assert missing == []


def test_the_wire_page_tells_every_refusal_of_the_front() -> None:
    """The statuses with which the HTTP front refuses are in the page's table, and no others; 500 is a fault of ours."""
    section = (ROOT / "docs" / "wire.md").read_text().partition("## What is no request")[2].partition("## ")[0]
    told = set(re.findall(r"^\| (\d+) \|", section, re.MULTILINE))
    sources = [(ROOT / "src/crossdock/broker" / name).read_text() for name in ("framing.py", "connection.py")]
    assert told == set(re.findall(r"Refused\((\d+)", "".join(sources))) - {"500"}


def test_the_wire_page_tells_every_path_of_the_operator() -> None:
    """The paths that the broker answers itself are those of the page's table."""
    section = (ROOT / "docs" / "wire.md").read_text().partition("## The operator's paths")[2]
    told = set(re.findall(r"^\| `[A-Z]+ (/\w+)` \|", section, re.MULTILINE))
    source = (ROOT / "src/crossdock/broker/endpoints.py").read_text()
    assert told == set(re.findall(r'^ +"(/\w+)": self\.', source, re.MULTILINE))


def test_the_tour_names_every_folder() -> None:
    """The tree of the tour has each package of crossdock, and the text beside it each folder of the tests."""
    tour = (ROOT / "docs" / "tour.md").read_text()
    packages = {path.name for path in (ROOT / "src" / "crossdock").iterdir() if (path / "__init__.py").exists()}
    assert [name for name in sorted(packages) if f"`{name}/`" not in tour] == []
    tests = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"}
    beside = tour.partition("Beside the package")[2].partition("##")[0]
    assert [name for name in sorted(tests) if name not in beside] == []


@pytest.mark.parametrize("sharing", [False, True])
def test_the_howto_for_tests_runs_as_it_stands(tmp_path: Path, sharing: bool) -> None:
    """The files of howto/test-with-crossdock.md make a test suite that passes, with a broker for each test and with one for all."""
    conftest, example, worker, shared = blocks(ROOT / "docs" / "howto" / "test-with-crossdock.md", "python")
    (tmp_path / "conftest.py").write_text(conftest + shared * sharing)
    (tmp_path / "test_example.py").write_text(example)
    (tmp_path / "test_worker.py").write_text(worker)
    call = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    result = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout
