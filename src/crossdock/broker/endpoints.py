"""The operator's endpoints: /health, /ready, /metrics, and /clock of a manual clock. No AWS client asks for these paths."""

from collections.abc import Callable

import msgspec

from crossdock.aws.wire.http import HttpRequest, HttpResponse
from crossdock.broker import exposition
from crossdock.broker.metrics import Metrics
from crossdock.broker.turn import Turn
from crossdock.clock import Clock, ManualClock

JSON = (("content-type", "application/json"),)
METRICS = (("content-type", exposition.CONTENT_TYPE),)


class Advance(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /clock."""

    advance_ms: int


class Endpoints:
    """Answers requests for the operator's paths."""

    def __init__(self, turn: Turn, metrics: Metrics, clock: Clock) -> None:
        self._turn = turn
        self._metrics = metrics
        self._clock = clock
        self.ready = False
        self._paths: dict[str, Callable[[HttpRequest], HttpResponse]] = {
            "/health": self._health,
            "/ready": self._ready,
            "/metrics": self._show_metrics,
            "/clock": self._move_clock,
        }

    def answer(self, request: HttpRequest) -> HttpResponse | None:
        """The answer to one of these paths; None for every other."""
        endpoint = self._paths.get(request.target)
        return None if endpoint is None else endpoint(request)

    def _health(self, request: HttpRequest) -> HttpResponse:
        return _json(503 if self._turn.failed else 200, {"status": "storage failed" if self._turn.failed else "ok"})

    def _ready(self, request: HttpRequest) -> HttpResponse:
        ready = self.ready and not self._turn.failed
        return _json(200 if ready else 503, {"ready": ready})

    def _show_metrics(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, self._metrics.render(self._clock.now_ms()), METRICS)

    def _move_clock(self, request: HttpRequest) -> HttpResponse:
        """GET tells the time; POST {"advance_ms": n} moves it and answers once everything that fell due is done."""
        clock = self._clock
        if request.method == "GET":
            return _json(200, {"now_ms": clock.now_ms()})
        if not isinstance(clock, ManualClock):
            return _json(
                409, {"error": "this broker runs on the system clock; start it with --manual-clock to move time"}
            )
        try:
            asked = msgspec.json.decode(request.body, type=Advance)
            if asked.advance_ms < 0:
                return _json(400, {"error": "advance_ms must not be negative: time does not go back"})
        except msgspec.MsgspecError as error:
            return _json(400, {"error": f'send {{"advance_ms": 1000}}: {error}'})
        return _json(200, {"now_ms": self._turn.advance(clock, asked.advance_ms)})


def _json(status: int, value: object) -> HttpResponse:
    return HttpResponse(status, msgspec.json.encode(value), JSON)
