"""A headless Chromium, spoken to over a pipe with its DevTools protocol."""

import json
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

PATIENCE = 60


class Chromium:
    """One page. `problems` are exceptions, errors in the log and on the console, `requests` the
    addresses of all that was asked for."""

    def __init__(self, program: str, profile: Path) -> None:
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        options = (
            "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run"
            f" --disable-background-networking --user-data-dir={profile} --lang=en-US"
            " --window-size=1400,1000 --remote-debugging-pipe about:blank"
        )
        # The protocol is fixed to these two numbers.
        line = f"exec {program} {options} 3<&{to_read} 4>&{to_write}"
        self._process = subprocess.Popen(
            ["bash", "-c", line], pass_fds=(to_read, to_write), stderr=subprocess.DEVNULL
        )
        os.close(to_read)
        os.close(to_write)
        self._waiting = b""
        self._calls = 0
        self._session = ""
        self.problems: list[str] = []
        self.requests: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._to)
        os.close(self._from)

    def call(self, method: str, **parameters: object) -> dict:
        self._calls += 1
        message = {"id": self._calls, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self._calls:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self._heard(answer.get("method", ""), answer.get("params", {}))

    def _message(self) -> dict:
        while b"\0" not in self._waiting:
            part = os.read(self._from, 1 << 20)
            assert part, "chromium has gone"
            self._waiting += part
        message, _, self._waiting = self._waiting.partition(b"\0")
        return json.loads(message)

    def _heard(self, method: str, said: dict) -> None:
        printed = method == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning")
        if printed or method in ("Runtime.exceptionThrown", "Log.entryAdded"):
            self.problems.append(json.dumps(said))
        if method == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])

    def run(self, script: str) -> object:
        answer = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        end = time.monotonic() + PATIENCE
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < end, f"never came: {condition}; {self.problems}"
            time.sleep(0.05)

    def open(self, page: Path, plots: Sequence[str] = ("trend", "histogram")) -> None:
        self.problems.clear()
        self.requests.clear()
        self.call("Page.navigate", url=page.as_uri())
        self.wait("document.readyState === 'complete' && !document.getElementById('loading')")
        for plot in plots:
            self.wait(f"document.getElementById('{plot}').childElementCount")

    def move_mouse(self, x: float, y: float) -> None:
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
