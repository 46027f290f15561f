"""How a command reaches a process of the running pipeline: by the run file of the data folder, over HTTP."""

from pathlib import Path
from typing import Any

import msgspec

from crossdock.ops import runfile
from crossdock.ops.folder import DataFolder
from crossdock.ops.http import Api, Unreachable
from crossdock.ops.refusal import Refusal


def asked(data: Path, process: str, method: str, path: str, body: Any = None) -> Any:
    """The JSON that `process` answers. Raises Refusal when it does not answer, or answers that it cannot."""
    api = Api(runfile.running(DataFolder(data)).url_of(process))
    try:
        answer = api.call_now(method, path, None if body is None else msgspec.json.encode(body))
    except Unreachable as gone:
        raise Refusal(str(gone), "look at `crossdock status`") from None
    finally:
        api.close()
    if answer.status >= 400:
        detail = answer.body.get("detail", answer.body) if isinstance(answer.body, dict) else answer.body
        raise Refusal(f"{process} answers {answer.status}: {detail}", "correct the command and try again")
    return answer.body
