"""The processes of the interop run: phase4's servers and client, and a Carnet node; each is ended in the end."""

import json
import os
import queue
import secrets
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
PATIENCE = 180


class Failure(Exception):
    """What did not hold, in words."""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def fill(text, values):
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


class World:
    """`carnet` is the program under test, `work` the folder for everything that is written."""

    def __init__(self, carnet, work):
        self.carnet, self.work, self.certs = carnet, work, work / "certs"
        self.sample = HERE / "phase4" / "sample.xml"
        self.running = []

    def start(self, name, argv, ready, env=None):
        """Starts a process; gives the first line of its output for which `ready` gives something, and that."""
        log = open(self.work / f"{name}.log", "wb")
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=log, env={**os.environ, **(env or {})}, text=True)
        self.running.append(process)
        lines = queue.Queue()

        def read():
            for line in process.stdout:
                lines.put(line)
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        end = time.monotonic() + PATIENCE
        while True:
            try:
                line = lines.get(timeout=max(0.1, end - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                said = (self.work / f"{name}.log").read_text(errors="replace")[-2000:]
                raise Failure(f"{name} did not get ready\n{said}")
            if (got := ready(line)) is not None:
                return got

    def server(self, name, **env):
        """phase4's server with mutual TLS; what it accepts lands below WORK/NAME. Gives its port."""
        stores = {
            "KEYSTORE": self.certs / "blue.p12", "TRUSTSTORE": self.certs / "trust-full.p12",
            "TLS_KEYSTORE": self.certs / "blue.p12", "TLS_TRUSTSTORE": self.certs / "trust.p12",
            "PORT": 0, "OUT": self.work / name, "LOG": "off", **env,
        }
        ready = lambda line: int(line.split("port=")[1].split()[0]) if line.startswith("READY") else None
        argv = [HERE / "phase4" / "run-server.sh"]
        return self.start(name, argv, ready, {key: str(value) for key, value in stores.items()})

    def client(self):
        """phase4's client, which sends when asked to. Gives the address to ask."""
        ready = lambda line: line.split("port=")[1].strip() if line.startswith("READY") else None
        port = self.start("client", [HERE / "phase4" / "run-client.sh", "--serve"], ready)
        return Client(self, f"http://127.0.0.1:{port}/send")

    def node(self, **values):
        """A Carnet node that knows phase4 by a kit."""
        home = self.work / "node"
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(HERE / "node", home)
        for file in home.rglob("*.toml"):
            file.write_text(fill(file.read_text(), values))
        for name in ("root.pem", "inter.pem", "blue.pem"):
            shutil.copy(self.certs / name, home / "kits" / "trader" / name)
        for name in ("red-chain.pem", "red.key"):
            shutil.copy(self.certs / name, home / name)
        token = secrets.token_hex(32)
        (home / "token").write_text(token + "\n")
        argv = [self.carnet, "node", "--config", home / "node.toml"]
        ready = self.start("node", argv, lambda line: json.loads(line) if line.startswith("{") else None)
        return Node(ready, token)

    def suite(self, name, subject, *filters):
        """`carnet run` against a subject file; gives run.json."""
        file = self.work / f"{name}.subject.toml"
        file.write_text(subject)
        argv = [self.carnet, "run", "--subject", file, "--out", self.work / name, "--replace",
                # What a broken line ends in is a race inside the peer: found in one run, not in the next.
                "--skip", "resilience=answers to a broken line differ from run to run in this peer", *filters]
        with open(self.work / f"{name}.log", "wb") as log:
            code = subprocess.run(argv, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
        if code not in (0, 1):
            said = (self.work / f"{name}.log").read_text(errors="replace")[-4000:]
            raise Failure(f"the suite's run {name} ended with {code}\n{said}")
        return json.loads((self.work / name / "run.json").read_text())

    def stop(self):
        for process in self.running:
            process.terminate()
        for process in self.running:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()


class Client:
    """phase4's client at `address`."""

    def __init__(self, world, address):
        self.world, self.address = world, address

    def options(self, url, *more):
        """The arguments for a message to `url`, one a line."""
        certs = self.world.certs
        words = ["--url", url, "--keystore", certs / "blue.p12", "--truststore", certs / "trust.p12",
                 "--service", "eu_ics2_c2t", *more]
        return "".join(f"{word}\n" for word in words)

    def send(self, url, *more):
        """Sends; gives whether all was good, and what the client says of each message."""
        request = urllib.request.Request(self.address, self.options(url, *more).encode(), method="POST")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                *said, good = [json.loads(line) for line in answer.read().splitlines()]
        except urllib.error.HTTPError as error:
            raise Failure(f"phase4's client: {error.read().decode()}") from error
        return good["good"], said


class Node:
    """A node's back-end API."""

    def __init__(self, ready, token):
        self.as4, self.api, self.token = f"https://{ready['as4']}{ready['path']}", f"http://{ready['api']}", token

    def ask(self, method, path, body=None, **headers):
        """The status and the body of an answer."""
        headers = {"Authorization": f"Bearer {self.token}", **{name.replace("_", "-"): v for name, v in headers.items()}}
        request = urllib.request.Request(self.api + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def delivered(self, message_id):
        """The payloads that were delivered under a MessageId; none when it was not."""
        listed = json.loads(self.ask("GET", "/v1/messages?direction=in&limit=1000")[1])
        found = [item for item in listed["items"] if item["message_id"] == message_id]
        if len(found) > 1:
            raise Failure(f"the node delivered {message_id} {len(found)} times")
        if not found:
            return None
        key = found[0]["key"]
        parts = json.loads(self.ask("GET", f"/v1/messages/{key}")[1])["parts"]
        return [self.ask("GET", f"/v1/messages/{key}/parts/{number}")[1] for number in range(1, len(parts) + 1)]

    def submit(self, path, body=None, **headers):
        """Submits, waits for what becomes of it, and gives that."""
        status, said = self.ask("POST", path, body if body is not None else b"", Prefer="wait=60", **headers)
        if status not in (200, 202):
            raise Failure(f"the node refuses the submission with {status}: {said.decode(errors='replace')}")
        return json.loads(said)
