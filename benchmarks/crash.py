"""What `kill -9` costs: eight sessions train while server, workers, scheduler and database die.

`python -m benchmarks.crash [--minutes 10] [--kills 20]` starts the real server, a Dask scheduler
with two workers and a PostgreSQL server, and eight sessions that speak Streamlit's protocol as a
browser does. At random moments one of these processes is killed, and started again as a supervisor
would.
Linux only; needs Debian's `postgresql`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import websockets
from sqlalchemy import select
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.postgres import Postgres
from flowplay.store import new_id
from flowplay.store.schema import StoredRun
from flowplay.store.store import Store
from flowplay.ui.browser import COOKIE

ROOT = Path(__file__).parents[1]
SESSIONS = 8
TARGETS = ("server", "worker", "scheduler", "database", "server and database")

#: Seconds between two attempts of a client, and after which a page counts as stuck.
RETRY = 0.5
STUCK = 45.0

#: Seconds that a supervisor takes to start a process again.
RESTART = 0.5

#: What every session trains; its seconds stand among all numbers.
QUERY = "target=circles&depth=2&width=16&budget=1000000&autostart=1&all_numbers=1"

#: Seconds within which all of them must train at first.
OPENING = 180

PROGRESS = re.compile(r"step ([\d,]+) .* ([\d.]+) s ")


@dataclass
class Client:
    """A tab: it comes back by itself when its connection is lost, and remembers what it saw.

    Attributes:
        query: of its address, as the page last wrote it.
        step: that the page showed last.
        seconds: spent training, as the page showed last.
        moved_at: when it showed more training than ever before.
        shown: for each return, seconds from the connection to the run's picture.
        lost: for each death of the server, seconds of training that the page had shown and that
            were not in the store.
        failures: exceptions that the page showed.
        runs: ids of runs that its address named.
    """

    query: str
    cookie: str = field(default_factory=new_id)
    step: int = 0
    seconds: float = 0.0
    moved_at: float = field(default_factory=time.monotonic)
    longest_stand: float = 0.0
    shown: list[float] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    most: float = 0.0
    _connected_at: float | None = None
    _opened: bool = False

    async def stay(self, address: str) -> None:
        """Look at the page, and come back whenever the connection is lost."""
        while True:
            with suppress(OSError, websockets.WebSocketException):
                await self._look(address)
            await asyncio.sleep(RETRY)

    async def _look(self, address: str) -> None:
        timers: dict[str, asyncio.Task[None]] = {}
        async with websockets.connect(
            address,
            max_size=None,
            open_timeout=5,
            subprotocols=[websockets.Subprotocol("streamlit")],
            additional_headers={"Cookie": f"{COOKIE}={self.cookie}"},
        ) as socket:

            async def rerun(fragment: str = "") -> None:
                message = BackMsg()
                message.rerun_script.query_string = self.query
                message.rerun_script.fragment_id = fragment
                message.rerun_script.is_auto_rerun = bool(fragment)
                await socket.send(message.SerializeToString())

            async def tick(fragment: str, interval: float) -> None:
                with suppress(websockets.ConnectionClosed):
                    while True:
                        await asyncio.sleep(interval)
                        await rerun(fragment)

            await rerun()
            self._connected_at = time.monotonic()
            try:
                async for data in socket:
                    message = ForwardMsg()
                    message.ParseFromString(data if isinstance(data, bytes) else data.encode())
                    kind = message.WhichOneof("type")
                    if kind == "new_session" and not message.metadata.run.fragment_ids:
                        for task in timers.values():
                            task.cancel()
                        timers.clear()
                    elif kind == "page_info_changed":
                        self._moved_to(message.page_info_changed.query_string)
                    elif kind == "auto_rerun":
                        name = message.auto_rerun.fragment_id
                        if name not in timers:
                            interval = message.auto_rerun.interval
                            timers[name] = asyncio.create_task(tick(name, interval))
                    elif kind == "delta":
                        self._see(message)
            finally:
                for task in timers.values():
                    task.cancel()

    def _moved_to(self, query: str) -> None:
        self.query = query
        found = re.search(r"(?:^|&)run=([\w-]+)", query)
        if found and found[1] not in self.runs:
            self.runs.append(found[1])

    def _see(self, message: ForwardMsg) -> None:
        element = message.delta.new_element
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.failures.append(element.exception.message)
        elif kind == "alert" and "could not be shown" in element.alert.body:
            self.failures.append(element.alert.body)
        elif kind == "bidi_component":
            frame = json.loads(element.bidi_component.json or "{}").get("frame") or ""
            if frame.count("-") == 2 and int(frame.split("-")[1]) > 0:
                self._come_back()
        elif kind == "progress" and (found := PROGRESS.search(element.progress.text)):
            self._progress(int(found[1].replace(",", "")), float(found[2]))

    def _come_back(self) -> None:
        """Note the first picture of the run since the connection."""
        if self._connected_at is None:
            return
        # The first picture of all is no return.
        if self._opened:
            self.shown.append(time.monotonic() - self._connected_at)
        self._opened, self._connected_at = True, None

    def _progress(self, step: int, seconds: float) -> None:
        self.step, self.seconds = step, seconds
        if seconds > self.most:
            now = time.monotonic()
            self.longest_stand = max(self.longest_stand, now - self.moved_at)
            self.most, self.moved_at = seconds, now


class House:
    """All processes of a hosted flowplay, each of which can be killed and comes back."""

    def __init__(self, folder: Path) -> None:
        self.database = Postgres()
        #: What the server says, and what Dask's own programs do: these write a traceback whenever
        #: a peer is gone.
        self.logs = {name: (folder / name).open("ab") for name in ("server", "dask")}
        self._ports = [_free_port(), _free_port()]
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def address(self) -> str:
        return f"ws://127.0.0.1:{self._ports[0]}/_stcore/stream"

    def start(self) -> None:
        """Start everything."""
        self.database.start()
        for name in ("scheduler", "worker 1", "worker 2", "server"):
            self._start(name)

    async def kill(self, what: str) -> dict[str, float]:
        """Kill a process as `kill -9` does, and start it again a moment later.

        Returns:
            If the server was killed: seconds of training that each run had in the store then.
        """
        names = what.split(" and ")
        if "worker" in names:
            names = [random.choice(("worker 1", "worker 2"))]
        for name in names:
            if name == "database":
                await asyncio.to_thread(self.database.kill)
            else:
                self._processes[name].kill()
                self._processes[name].wait()
        await asyncio.sleep(RESTART)
        if "database" in names:
            await asyncio.to_thread(self.database.start)
        written = await asyncio.to_thread(self._written) if "server" in names else {}
        for name in names:
            if name != "database":
                self._start(name)
        return written

    def _written(self) -> dict[str, float]:
        store = Store(self.database.url)
        with store.reading() as session:
            rows = session.execute(select(StoredRun.id, StoredRun.seconds)).all()
        store.close()
        return {id_: float(seconds) for id_, seconds in rows}

    async def supervise(self) -> None:
        """Start again what has ended by itself, as a worker does when its scheduler is gone."""
        while True:
            await asyncio.sleep(RESTART)
            for name, process in list(self._processes.items()):
                # What `kill` has killed has been waited for; it starts that again itself.
                if process.returncode is None and process.poll() is not None:
                    self._start(name)

    def stop(self) -> None:
        """End everything."""
        for process in self._processes.values():
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(process.pid).children(recursive=True):
                    child.kill()
            process.kill()
            process.wait()
        self.database.stop()
        for log in self.logs.values():
            log.close()

    def _start(self, name: str) -> None:
        scheduler = f"tcp://127.0.0.1:{self._ports[1]}"
        log = self.logs["server" if name == "server" else "dask"]
        dask = [sys.executable, "-m", "distributed.cli."]
        commands = {
            "scheduler": [
                *(*dask[:-1], dask[-1] + "dask_scheduler", "--host", "127.0.0.1"),
                *("--port", str(self._ports[1]), "--no-dashboard"),
            ],
            "worker": [
                *(*dask[:-1], dask[-1] + "dask_worker", scheduler, "--nthreads", "1"),
                *("--no-nanny", "--no-dashboard"),
            ],
            "server": [
                *(sys.executable, "-m", "streamlit", "run", "app.py"),
                *("--server.port", str(self._ports[0]), "--server.address", "127.0.0.1"),
            ],
        }
        self._processes[name] = subprocess.Popen(
            commands[name.split(" ")[0]],
            cwd=ROOT,
            env=os.environ
            | {
                "PYTHONPATH": str(ROOT),
                "OMP_NUM_THREADS": "1",
                "FLOWPLAY_SCHEDULER": scheduler,
                "FLOWPLAY_DATABASE": self.database.url,
            },
            stdout=log,
            stderr=log,
        )


async def crash(minutes: float, kills: int, seed: int) -> None:
    """Run the sessions, kill, and print the table."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder))
        clients = [Client(f"{QUERY}&seed={seed}") for seed in range(1, SESSIONS + 1)]
        try:
            house.start()
            supervisor = asyncio.create_task(house.supervise())
            tabs = [asyncio.create_task(client.stay(house.address)) for client in clients]
            async with asyncio.timeout(OPENING):
                while not all(client.step for client in clients):
                    await asyncio.sleep(0.5)
            for client in clients:
                client.longest_stand = 0.0
            rows = await _kill_in_turn(house, clients, minutes, kills, chance)
            for task in (supervisor, *tabs):
                task.cancel()
        finally:
            house.stop()
        log = (Path(folder) / "server").read_text("utf-8", "replace")
    _report(rows, clients, log)


async def _kill_in_turn(
    house: House, clients: Sequence[Client], minutes: float, kills: int, chance: random.Random
) -> list[str]:
    # Each kind as often as any other, in any order, at any moment.
    order = [TARGETS[i % len(TARGETS)] for i in range(kills)]
    chance.shuffle(order)
    pace, rows = 60 * minutes / kills, []
    for number, what in enumerate(order, 1):
        begun = time.monotonic()
        await asyncio.sleep(chance.uniform(0.1, 0.4) * pace)
        before = [(len(c.shown), len(c.lost), c.most) for c in clients]
        killed = time.monotonic()
        seconds = [c.seconds for c in clients]
        written = await house.kill(what)
        if written:
            for client, shown_then in zip(clients, seconds, strict=True):
                client.lost.append(max(0.0, shown_then - written.get(client.runs[0], 0.0)))
        await asyncio.sleep(max(0.0, begun + pace - time.monotonic()))
        shown = [s for c, (n, _, _) in zip(clients, before, strict=True) for s in c.shown[n:]]
        lost = [s for c, (_, n, _) in zip(clients, before, strict=True) for s in c.lost[n:]]
        on = sum(c.most > most for c, (_, _, most) in zip(clients, before, strict=True))
        row = (
            f"| {number} | {what} | {max(shown, default=0):.1f} | {max(lost, default=0):.1f} | "
            f"{on} of {len(clients)} | {time.monotonic() - killed:.0f} |"
        )
        print(row, flush=True)
        rows.append(row)
    await asyncio.sleep(STUCK / 3)
    return rows


def _report(rows: Sequence[str], clients: Sequence[Client], log: str) -> None:
    print("\n| kill | of | shown after (s) | training lost (s) | train more | within (s) |")
    print("|---|---|---|---|---|---|")
    print("\n".join(rows))
    shown = [s for c in clients for s in c.shown]
    lost = [s for c in clients for s in c.lost]
    print(f"\ntimes that a session came back: {len(shown)}")
    print(f"run shown after the connection within: {max(shown, default=0):.2f} s")
    print(f"training lost at most: {max(lost, default=0):.2f} s")
    print(f"longest time without progress: {max(c.longest_stand for c in clients):.1f} s")
    print(f"runs lost: {sum(len(c.runs) != 1 for c in clients)}")
    print(f"steps at the end: {sorted(c.step for c in clients)}")
    print(f"pages stuck: {sum(time.monotonic() - c.moved_at > STUCK for c in clients)}")
    print(f"exceptions on pages: {[f for c in clients for f in c.failures]}")
    print(f"tracebacks in the server's log: {log.count('Traceback')}")
    for part in log.split("Traceback")[1:4]:
        print("Traceback" + part[:1500])


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Read the arguments and crash."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    asyncio.run(crash(arguments.minutes, arguments.kills, arguments.seed))


if __name__ == "__main__":
    main()
