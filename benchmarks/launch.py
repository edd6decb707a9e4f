"""Runs a command and prints, as JSON, what it cost with all its children.

In a process of its own because Linux counts the memory of the process that forks as the child's
own until it executes something else: this one is small.
"""

import json
import os
import sys
import tempfile
import time

if __name__ == "__main__":
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        actions = [
            (os.POSIX_SPAWN_DUP2, out.fileno(), 1),
            (os.POSIX_SPAWN_DUP2, err.fileno(), 2),
        ]
        start = time.monotonic()
        pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=actions)
        _, status, usage = os.wait4(pid, 0)
        wall_seconds = time.monotonic() - start
        out.seek(0)
        err.seek(0)
        unit = 1 if sys.platform == "darwin" else 1024
        print(
            json.dumps(
                {
                    "cpu_seconds": usage.ru_utime + usage.ru_stime,
                    "wall_seconds": wall_seconds,
                    "peak_bytes": usage.ru_maxrss * unit,
                    "returncode": os.waitstatus_to_exitcode(status),
                    "stdout": out.read().decode(errors="replace"),
                    "stderr": err.read().decode(errors="replace"),
                }
            )
        )
