"""What the worker's tests have it do. Imported by the worker process."""

from __future__ import annotations

import os
import sys
import time

from patchbay.errors import Finding, ValidationFailed


def echo(value: object) -> object:
    return value


def surroundings() -> dict[str, object]:
    with open("/proc/self/cmdline", "rb") as file:
        return {"argv": file.read().decode(), "env": dict(os.environ), "pid": os.getpid(), "modules": sorted(sys.modules)}


def sleep_forever(path: str) -> None:
    with open(path, "w") as file:
        file.write(str(os.getpid()))
    time.sleep(600)


def eat_memory() -> int:
    return len(bytearray(2 << 30))


def refuse() -> None:
    raise ValidationFailed("not so", hint="do this", errors=[Finding("a", "b", "c")])


def crash() -> None:
    raise RuntimeError("password=secret")


def vanish() -> None:
    os._exit(3)


def chatter() -> str:
    print("on standard output")
    os.write(1, b"below python")
    return "answer"
