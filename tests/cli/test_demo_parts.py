"""The demo's parts that need no platform: reading the URL, the client, the lock, the port, what is shown."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from rich.console import Console

from patchbay.cli.demo.client import Client, Refusal
from patchbay.cli.demo.failures import DemoFailed
from patchbay.cli.demo.own_run import read_url
from patchbay.cli.demo.server import listen
from patchbay.cli.demo.show import Show
from patchbay.cli.demo.steps import refuse_failed, without_secrets
from patchbay.cli.demo.store import demo_settings, only_one
from patchbay.settings import Settings


class TestReadUrl:
    def test_every_part_of_a_full_one(self, tmp_path: Path) -> None:
        ca = tmp_path / "ca.pem"
        ca.write_text("-----BEGIN CERTIFICATE-----")
        url = f"postgresql://us%40er:p%2Fw@db.example.com:6543/shop?sslmode=verify-ca&sslrootcert={ca}"
        assert read_url(url) == {
            "host": "db.example.com", "port": "6543", "database": "shop", "user": "us@er", "password": "p/w",
            "sslmode": "verify-ca", "ca_pem": "-----BEGIN CERTIFICATE-----",
        }  # fmt: skip

    def test_what_is_left_out_is_left_to_the_product(self) -> None:
        read = read_url("postgresql://u:p@h/d")
        assert read["port"] == "5432"
        assert "sslmode" not in read
        assert "ca_pem" not in read

    def test_a_weak_sslmode_is_passed_on_for_the_product_to_refuse(self) -> None:
        assert read_url("postgresql://u:p@h/d?sslmode=disable")["sslmode"] == "disable"

    def test_the_password_may_come_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PGPASSWORD", "from outside")
        assert read_url("postgresql://u@h/d")["password"] == "from outside"

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("mysql://u:p@h/d", "not a PostgreSQL URL"),
            ("nonsense", "not a PostgreSQL URL"),
            ("", "lacks the host and the user and the database"),
            ("postgresql://u:p@h/", "lacks the database"),
            ("postgresql://h/d", "lacks the user"),
            ("postgresql:///d?user=u", "lacks the host"),
            ("postgresql://u:p@a,b/d", "several hosts"),
            ("postgresql://u:p@h/d?sslrootcert=/nowhere/ca.pem", "cannot be read: No such file"),
        ],
    )
    def test_what_is_wrong_is_said(self, url: str, said: str) -> None:
        with pytest.raises(DemoFailed, match=said):
            read_url(url)

    def test_no_password_and_nobody_to_ask(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PGPASSWORD", raising=False)
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        with pytest.raises(DemoFailed, match="no password") as failed:
            read_url("postgresql://u@h/d")
        assert "PGPASSWORD" in (failed.value.hint or "")


class _Api(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, kind, body = ANSWERS[self.path.removeprefix("/api/v1")]
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("X-Sent", sent.decode())
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        pass


SSE = (
    b'event: user_utterance\ndata: {"data":{"text":"hi"}}\n\n: keepalive\n\n'
    b'event: done\r\ndata: {"conversationId":"cnv_1"}\r\n\r\n'
)
PROBLEM = {
    "title": "Validation failure", "detail": "The body is not valid.", "code": "validation_error",
    "errors": [{"field": "inputs.0.arg", "message": "is unknown", "hint": "Did you mean phone?"}],
}  # fmt: skip
ANSWERS: dict[str, tuple[int, str, bytes]] = {
    "/fine": (201, "application/json", b'{"success": true, "data": {"id": "agt_1"}}'),
    "/refused": (400, "application/problem+json", json.dumps(PROBLEM).encode()),
    "/proxy": (502, "text/html", b"<html>bad gateway</html>"),
    "/list": (200, "application/json", b"[1, 2]"),
    "/events": (200, "text/event-stream", SSE),
}


@pytest.fixture
def client() -> Iterator[Client]:
    server = HTTPServer(("127.0.0.1", 0), _Api)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Client("127.0.0.1", server.server_address[1], "flowyte_sk_test")
    server.shutdown()
    thread.join()
    server.server_close()


class TestClient:
    def test_the_data_of_an_answer(self, client: Client) -> None:
        answer = client.post("/fine", {"name": "x"})
        assert (answer.status, answer.data) == (201, {"id": "agt_1"})

    def test_a_refusal_says_what_and_what_to_do(self, client: Client) -> None:
        with pytest.raises(Refusal) as refused:
            client.post("/refused", {})
        assert refused.value.code == "validation_error"
        assert refused.value.sentence == "POST /refused was refused with 400: The body is not valid."
        assert refused.value.hint == "inputs.0.arg: is unknown Did you mean phone?"

    def test_an_answer_that_is_not_the_products(self, client: Client) -> None:
        with pytest.raises(Refusal, match="refused with 502: no reason was given"):
            client.get("/proxy")
        assert client.get("/list").data == {}

    def test_events_as_they_come(self, client: Client) -> None:
        assert list(client.stream("/events", {})) == [
            ("user_utterance", {"data": {"text": "hi"}}),
            ("done", {"conversationId": "cnv_1"}),
        ]
        with pytest.raises(Refusal, match="The body is not valid"):
            list(client.stream("/refused", {}))

    def test_nobody_there(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            alone = Client("127.0.0.1", taken.getsockname()[1], "k")
            with pytest.raises(DemoFailed, match="did not answer GET /fine"):
                alone.get("/fine")


class TestOneAtATime:
    def test_a_second_demo_is_told_of_the_first(self, tmp_path: Path) -> None:
        with (
            only_one(tmp_path),
            pytest.raises(DemoFailed, match=rf"Another demo is running .*process {os.getpid()}"),
            only_one(tmp_path),
        ):
            pytest.fail("two at once")
        with only_one(tmp_path):
            pass

    def test_a_killed_one_blocks_nobody(self, tmp_path: Path) -> None:
        program = (
            "import sys, time, pathlib\nfrom patchbay.cli.demo.store import only_one\n"
            "with only_one(pathlib.Path(sys.argv[1])):\n    print('in', flush=True)\n    time.sleep(60)\n"
        )
        with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as held:
            assert held.stdout is not None
            assert held.stdout.readline() == "in\n"
            with pytest.raises(DemoFailed), only_one(tmp_path):
                pytest.fail("two at once")
            held.kill()
        with only_one(tmp_path):
            pass

    def test_a_directory_that_cannot_be_used(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(DemoFailed, match="cannot be used") as failed, only_one(tmp_path / "file"):
            pytest.fail("not a directory")
        assert "--data-dir" in (failed.value.hint or "")


def test_the_users_own_store_and_keys_are_left_alone(tmp_path: Path) -> None:
    ordinary = Settings(
        data_dir=tmp_path / "real",
        database_url=SecretStr("postgresql://real"),
        secret_key=SecretStr("a:b"),
        egress_allow="10.0.0.0/8",
        llm_model="m",
    )
    settings = demo_settings(ordinary, tmp_path / "demo", allow="127.0.0.1/32")
    assert (settings.data_dir, settings.database_url, settings.secret_key) == (tmp_path / "demo", None, None)
    assert [str(network) for network in settings.egress_networks] == ["10.0.0.0/8", "127.0.0.1/32"]
    assert settings.llm_model == "m"
    assert [str(network) for network in demo_settings(ordinary, tmp_path).egress_networks] == ["10.0.0.0/8"]


def test_a_taken_port_gives_another() -> None:
    with listen("127.0.0.1", 0) as first, listen("127.0.0.1", first.getsockname()[1]) as second:
        assert second.getsockname()[1] not in (0, first.getsockname()[1])
    with pytest.raises(DemoFailed, match="Cannot listen"):
        listen("192.0.2.1", 0)


def test_secrets_are_not_shown() -> None:
    shown = without_secrets({"host": "h", "password": "secret", "ca_pem": "-----BEGIN…MII"})
    assert "secret" not in str(shown)
    assert shown["host"] == "h"


def test_a_failed_check_ends_the_run_with_its_hint() -> None:
    refuse_failed([])
    with pytest.raises(DemoFailed, match=r"connection test failed: No TLS\.") as failed:
        refuse_failed([{"id": "tls", "message": "No TLS.", "hint": "Turn ssl on."}])
    assert failed.value.hint == "Turn ssl on."


@pytest.mark.parametrize("width", [60, 80, 200])
def test_what_is_shown_is_plain_without_a_terminal_and_never_read_as_markup(width: int) -> None:
    written = io.StringIO()
    show = Show(Console(file=written, width=width, highlight=False))
    show.title("Demo", "words")
    show.step("First")
    show.checks([{"id": "reachable", "status": "failed", "message": "[red]no[/red]", "hint": "try [bold]", "durationMs": 12.4}])
    show.table(("a", "b"), [("[x]", 1_000)], right=(1,))
    show.spoken("caller", "[link]hello[/link]")
    show.code('{"a": "[b]"}', "json")
    text = written.getvalue()
    for verbatim in ("[red]no[/red]", "try [bold]", "[x]", "[link]hello[/link]", '{"a": "[b]"}', " 1  First"):
        assert verbatim in text
    assert "\x1b" not in text
    assert max(len(line) for line in text.splitlines()) <= min(width, 110)
