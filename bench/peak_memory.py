"""Prints the bytes of private memory that comparing two files takes above importing the package.

Private means anonymous pages: pages of the compared files belong to the page cache, and the kernel
takes them back whenever it needs them.
"""

import re
import sys
import threading
from pathlib import Path

import trueness


def anonymous_bytes() -> int:
    found = re.search(r"RssAnon:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


class Peak(threading.Thread):
    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.bytes = anonymous_bytes()
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.002):
            self.bytes = max(self.bytes, anonymous_bytes())

    def stop(self) -> int:
        self._over.set()
        self.join()
        return max(self.bytes, anonymous_bytes())


def main(golden: str, my: str) -> None:
    before = anonymous_bytes()
    peak = Peak()
    peak.start()
    results = trueness.compare_files(golden, my)
    print(peak.stop() - before)
    assert [result.state.name for result in results] == ["OK"]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
