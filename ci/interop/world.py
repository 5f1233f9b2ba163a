"""The processes of the interop run: phase4's servers and client, and a Carnet node; each is ended in the end."""

import json
import os
import queue
import secrets
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
PATIENCE = 180

# A party: its id, the end of its type, its role.
TRADER, CUSTOMS = ("trader", "EORI", "Trader"), ("sti-taxud", "auth", "Customs")
SIGNED, ENCRYPTED, SECOND = "customs-c2c", "edelivery-1.15-encrypted", "edelivery-2.0"
PUSH, PULL = "one-way-push", "one-way-pull"
# What phase4 pulls from the node, and what the node pulls from phase4's server.
TO_TRADER = "urn:fdc:ec.europa.eu:2019:eu_ics2_c2t/EORI/trader"
TO_CUSTOMS = "urn:fdc:ec.europa.eu:2019:eu_ics2_t2c/auth/sti-taxud"
# What the suite pulls from there: a channel of its own, as the node empties the other one.
TO_SUITE = "urn:fdc:ec.europa.eu:2019:eu_ics2_t2c/auth/suite"
# What the node agrees on with phase4, by action: profile, pattern, initiator, responder, what differs from the defaults. A
# node signs with one key, so that the second profile needs a second node.
AGREED = {
    "IE3F26": (SIGNED, PUSH, TRADER, CUSTOMS, ""),
    "IE3N99": (SIGNED, PUSH, CUSTOMS, TRADER, ""),
    "IE3N98": (SIGNED, PUSH, CUSTOMS, TRADER, '[security]\ntoken = "x509-v3"\n[payload]\ncompress = false'),
    "IE3F27": (ENCRYPTED, PUSH, TRADER, CUSTOMS, ""),
    "IE3N97": (ENCRYPTED, PUSH, CUSTOMS, TRADER, ""),
    "IE3N96": (SIGNED, PULL, TRADER, CUSTOMS, f'[mpc]\nname = "{TO_TRADER}"'),
    "IE3F28": (SIGNED, PULL, CUSTOMS, TRADER, f'[mpc]\nname = "{TO_CUSTOMS}"'),
}
AGREED_SECOND = {
    "IE3F29": (SECOND, PUSH, TRADER, CUSTOMS, ""),
    "IE3N95": (SECOND, PUSH, CUSTOMS, TRADER, ""),
}


class Failure(Exception):
    """What did not hold, in words."""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def kind(party):
    return f"urn:oasis:names:tc:ebcore:partyid-type:unregistered:eu-customs:{party[1]}"


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
            "PORT": 0, "OUT": self.work / name, "LOG": "off",
            # What is pulled from it.
            "MPCS": f"{TO_CUSTOMS},{TO_SUITE}", "PULL_ACTION": "IE3F28", "PULL_FROM": TRADER[0], "PULL_FROM_TYPE": kind(TRADER),
            "PULL_FROM_ROLE": TRADER[2], "PULL_TO": CUSTOMS[0], "PULL_TO_TYPE": kind(CUSTOMS), "PULL_TO_ROLE": CUSTOMS[2],
            # What the suite and this server agree to encrypt.
            "ENCRYPTED_AGREEMENT": "EU-ICS2-TI-V2.0:encrypted",
            **env,
        }
        ready = lambda line: int(line.split("port=")[1].split()[0]) if line.startswith("READY") else None
        argv = [HERE / "phase4" / "run-server.sh"]
        return self.start(name, argv, ready, {key: str(value) for key, value in stores.items()})

    def client(self):
        """phase4's client, which sends when asked to. Gives the address to ask."""
        ready = lambda line: line.split("port=")[1].strip() if line.startswith("READY") else None
        port = self.start("client", [HERE / "phase4" / "run-client.sh", "--serve"], ready)
        return Client(self, f"http://127.0.0.1:{port}/send")

    def server_of_second(self, name):
        """The same for eDelivery 2.0: signs with Ed25519, decrypts with X25519."""
        return self.server(name, PROFILE="edelivery2", KEYSTORE=self.certs / "blue-ed2.p12",
                           KEY_ALIAS="blue-ed25519", CRYPT_ALIAS="blue-x25519")

    def keys_of_the_suite(self):
        """The keys of the suite's party that no [suite.*] table of subject.toml names: those of version 2.0."""
        pki = self.work / "suite-pki"
        pki.mkdir(exist_ok=True)
        for use, key in (("signing", "ed25519"), ("encryption", "x25519")):
            for end, pem in (("", f"red-{key}-chain.pem"), (".key", f"red-{key}.key")):
                shutil.copy(self.certs / pem, pki / f"{CUSTOMS[0]}-{use}-{key}{end}.pem")

    def queue(self, port, mpc, payload):
        """Puts a payload into a channel of phase4's server, to be pulled."""
        context = ssl.create_default_context(cafile=self.certs / "root.pem")
        context.load_cert_chain(self.certs / "red-chain.pem", self.certs / "red.key")
        form = urllib.parse.urlencode({"mpc": mpc, "file": payload}).encode()
        request = urllib.request.Request(f"https://localhost:{port}/peer/queue", form, method="POST")
        with urllib.request.urlopen(request, timeout=PATIENCE, context=context) as answer:
            if answer.status != 204:
                raise Failure(f"phase4's server does not queue a message: {answer.status}")

    def node(self, port, name="node", agreed=None, signs="", decrypts=""):
        """A Carnet node that knows phase4, whose server is at `port`, by a kit; `signs` and `decrypts` end its keys' names."""
        home = self.work / name
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(HERE / "node", home)
        kit, agreed = home / "kits" / "trader", agreed or AGREED
        template = (home / "pmode.toml").read_text()
        for action, (profile, mep, initiator, responder, more) in agreed.items():
            words = {"ACTION": action, "PROFILE": profile, "MEP": mep, "MORE": more}
            for name_of, party in (("INITIATOR", initiator), ("RESPONDER", responder)):
                words |= {name_of: party[0], f"{name_of}_TYPE": party[1], f"{name_of}_ROLE": party[2]}
            (kit / f"{action}.toml").write_text(fill(template, words))
        words = {"PORT": port, "SIGNS": signs, "DECRYPTS": decrypts, "SIGNER": f"blue{signs}".replace("-", " "),
                 "PMODES": json.dumps([f"{action}.toml" for action in agreed])}
        for file in (home / "node.toml", kit / "kit.toml"):
            file.write_text(fill(file.read_text(), words))
        for file in ("root.pem", "inter.pem", "blue.pem", f"blue{decrypts}.pem"):
            shutil.copy(self.certs / file, kit / file)
        for file in {f"red{key}{end}" for key in ("", signs, decrypts) for end in ("-chain.pem", ".key")}:
            shutil.copy(self.certs / file, home / file)
        token = secrets.token_hex(32)
        (home / "token").write_text(token + "\n")
        argv = [self.carnet, "node", "--config", home / "node.toml"]
        ready = self.start(name, argv, lambda line: json.loads(line) if line.startswith("{") else None)
        return Node(ready, token)

    def suite(self, name, *arguments):
        """`carnet run` against NAME.subject.toml; gives run.json."""
        argv = [self.carnet, "run", "--subject", self.work / f"{name}.subject.toml", "--out", self.work / name, "--replace",
                # What a broken line ends in is a race inside the peer: found in one run, not in the next.
                "--skip", "resilience=answers to a broken line differ from run to run in this peer", *arguments]
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

    def inbox(self):
        return json.loads(self.ask("GET", "/v1/messages?direction=in&limit=1000")[1])["items"]

    def state(self, key):
        return json.loads(self.ask("GET", f"/v1/messages/{key}")[1])["state"]

    def delivered(self, message_id):
        """The payloads that were delivered under a MessageId; none when it was not."""
        found = [item for item in self.inbox() if item["message_id"] == message_id]
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
