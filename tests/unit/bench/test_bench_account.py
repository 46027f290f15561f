"""What the bench says of servers that cannot be measured, and how it compares those that can."""

import argparse
import sys
from pathlib import Path

import pytest
from bench.load import Report
from bench.rates import COMPARISONS
from bench.report import Table
from bench.rounds import Bench, Load, Result, Run, Settings, ratio
from bench.run import chosen_backlogs, chosen_questions, chosen_servers
from bench.servers import OURS, Server

FORGETFUL = """
import hashlib, http.server, json, sys
class Forgetful(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_POST(self):
        action = self.headers['X-Amz-Target'].partition('.')[2]
        asked = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        answer = {}
        if action == 'CreateQueue':
            answer = {'QueueUrl': 'http://127.0.0.1/1/' + asked['QueueName']}
        if action == 'SendMessage':
            answer = {'MessageId': '1', 'MD5OfMessageBody': hashlib.md5(asked['MessageBody'].encode()).hexdigest()}
        if action == 'GetQueueAttributes':
            answer = {'Attributes': dict.fromkeys(asked['AttributeNames'], '0')}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.send_header('Connection', 'close')
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Forgetful).serve_forever()
"""
"""A server that acknowledges every message, keeps none, and closes the connection with each answer."""


def server(name: str, script: str, absent: str = "") -> Server:
    return Server(name, "1", "memory", lambda port, data: [sys.executable, "-c", script, str(port)], absent=absent)


def ask_for_sends(folder: Path, *servers: Server) -> Table:
    settings = Settings(seconds=0.2, rounds=1)
    (table,) = COMPARISONS[0]._replace(loads=[Load("send", 2)]).ask(Bench(settings, servers, folder))
    return table


def test_who_cannot_be_measured_is_in_the_table_with_the_reason(tmp_path: Path) -> None:
    """Not installed, not starting, losing messages: each has its line, and only our own failure breaks the bench."""
    table = ask_for_sends(
        tmp_path,
        server("missing", "", absent="not installed"),
        server("broken", "raise SystemExit('no disk here')"),
        server("forgetful", FORGETFUL),
    )
    missing, broken, forgetful = (row[2] for row in table.rows)
    assert missing == "not measured: not installed"
    assert broken == "not measured: does not start: no disk here"
    assert forgetful.endswith("sent, 0 deleted, but 0 left")
    assert not forgetful.startswith("not measured: send: 0 found, 0 sent")
    assert not table.broken
    assert ask_for_sends(tmp_path / "ours", server(OURS, "raise SystemExit('no disk here')")).broken


def result(*rates: int) -> Result:
    reports = [Report("send", 16, 512, 1, rate, rate, rate, rate, 1, 1, 1, 1, 1, 1) for rate in rates]
    return Result("some", Load("send"), [Run(report, 1, 1) for report in reports])


def test_ratios_are_of_rounds_that_ran_side_by_side() -> None:
    """A machine that is slow for a round is slow for both; a server with fewer rounds is compared in those that it has."""
    assert ratio(result(200, 20, 400), result(100, 10, 200)) == 2
    assert ratio(result(300, 20, 20), result(100)) == 3


def test_the_spread_is_shown_where_there_is_one() -> None:
    """One round has no spread."""
    assert result(1000, 3000, 2000).spread() == "2,000 (1,000–3,000)"
    assert result(1000).spread() == "1,000"


@pytest.mark.parametrize(
    ("choose", "text"),
    [(chosen_questions, "sned"), (chosen_servers, "elastic"), (chosen_backlogs, "many"), (chosen_backlogs, "10x0")],
)
def test_a_wrong_choice_says_what_there_is(choose: object, text: str) -> None:
    """A typing error does not become an empty report."""
    assert callable(choose)
    with pytest.raises(argparse.ArgumentTypeError, match=r"there are|messages"):
        choose(text)
