"""The download script against a server on this machine: resume, checks, errors."""

import hashlib
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "download_datasets.sh"
FILES = {
    "ptbxl_database.csv": b"ecg_id,patient_id\n1,2\n" * 400,
    "LICENSE.txt": b"CC BY 4.0\n",
    "records100/00000/00001_lr.dat": bytes(range(256)) * 90,
    "records100/00000/00001_lr.hea": b"00001_lr 12 100 1000\n",
    "records500/00000/00001_hr.dat": bytes(reversed(range(256))) * 300,
}

pytestmark = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("bash")), reason="needs bash and curl"
)


class PhysioNet:
    """Serves ``files``; can cut or corrupt an answer, and remembers what was asked."""

    def __init__(self) -> None:
        self.files = dict(FILES)
        sums = "".join(f"{hashlib.sha256(d).hexdigest()} {p}\n" for p, d in FILES.items())
        self.files["SHA256SUMS.txt"] = sums.encode()
        self.cut_once: dict[str, int] = {}
        self.supports_range = True
        self.requests: list[tuple[str, str | None]] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                name = self.path.removeprefix("/ptb-xl/")
                asked = self.headers.get("Range")
                owner.requests.append((name, asked))
                if name not in owner.files:
                    self.send_error(404)
                    return
                body = owner.files[name]
                start = 0
                if asked and owner.supports_range:
                    start = int(asked.removeprefix("bytes=").split("-")[0])
                    if start >= len(body):
                        self.send_response(416)
                        self.send_header("Content-Length", "0")
                        self.end_headers()
                        return
                    self.send_response(206)
                    self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
                else:
                    self.send_response(200)
                self.send_header("Content-Length", str(len(body) - start))
                self.end_headers()
                stop = owner.cut_once.pop(name, len(body))
                self.wfile.write(body[start:stop])
                if stop < len(body):
                    self.close_connection = True

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/ptb-xl"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def asked(self, name: str) -> list[str | None]:
        return [sent for asked, sent in self.requests if asked == name]


@pytest.fixture
def physionet() -> Iterator[PhysioNet]:
    server = PhysioNet()
    yield server
    server.server.shutdown()
    server.server.server_close()


def download(out: Path, url: str, *extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(SCRIPT), "--out", str(out), "--base-url", url, "--workers", "2", *extra],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_everything_arrives_whole_and_checked(physionet: PhysioNet, tmp_path: Path) -> None:
    result = download(tmp_path / "d", physionet.url, "--subset", "all")
    assert result.returncode == 0, result.stderr
    for name, body in FILES.items():
        assert (tmp_path / "d" / name).read_bytes() == body
    assert not list(tmp_path.rglob("*.part"))


def test_subset_leaves_the_other_rate_out(physionet: PhysioNet, tmp_path: Path) -> None:
    assert download(tmp_path / "d", physionet.url).returncode == 0
    assert (tmp_path / "d/records100/00000/00001_lr.dat").exists()
    assert (tmp_path / "d/ptbxl_database.csv").exists()
    assert not (tmp_path / "d/records500").exists()


def test_second_run_fetches_nothing(physionet: PhysioNet, tmp_path: Path) -> None:
    download(tmp_path / "d", physionet.url)
    physionet.requests.clear()
    assert download(tmp_path / "d", physionet.url).returncode == 0
    assert physionet.requests == []


def test_cut_transfer_is_resumed_where_it_stopped(physionet: PhysioNet, tmp_path: Path) -> None:
    name = "records100/00000/00001_lr.dat"
    physionet.cut_once[name] = 5000
    result = download(tmp_path / "d", physionet.url)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "d" / name).read_bytes() == FILES[name]
    assert "bytes=5000-" in physionet.asked(name)


def test_interrupted_earlier_run_is_resumed(physionet: PhysioNet, tmp_path: Path) -> None:
    name = "records100/00000/00001_lr.dat"
    part = tmp_path / "d" / (name + ".part")
    part.parent.mkdir(parents=True)
    part.write_bytes(FILES[name][:1234])
    assert download(tmp_path / "d", physionet.url).returncode == 0
    assert physionet.asked(name) == ["bytes=1234-"]
    assert (tmp_path / "d" / name).read_bytes() == FILES[name]


@pytest.mark.parametrize("supports_range", [True, False])
def test_wrong_part_file_is_thrown_away(
    physionet: PhysioNet, tmp_path: Path, supports_range: bool
) -> None:
    physionet.supports_range = supports_range
    name = "records100/00000/00001_lr.hea"
    part = tmp_path / "d" / (name + ".part")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * len(FILES[name]))
    result = download(tmp_path / "d", physionet.url)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "d" / name).read_bytes() == FILES[name]


def test_corrupted_file_is_found_and_only_it_is_fetched_again(
    physionet: PhysioNet, tmp_path: Path
) -> None:
    download(tmp_path / "d", physionet.url)
    name = "records100/00000/00001_lr.dat"
    damaged = bytearray(FILES[name])
    damaged[77] ^= 1
    (tmp_path / "d" / name).write_bytes(bytes(damaged))
    physionet.requests.clear()
    assert download(tmp_path / "d", physionet.url).returncode == 0
    assert [asked for asked, _ in physionet.requests] == [name]
    assert (tmp_path / "d" / name).read_bytes() == FILES[name]


def test_wrong_bytes_on_the_server_never_get_the_name(physionet: PhysioNet, tmp_path: Path) -> None:
    physionet.files["LICENSE.txt"] = b"something else"
    result = download(tmp_path / "d", physionet.url)
    assert result.returncode == 1
    assert "1 of 4 files could not be fetched" in result.stderr
    assert not (tmp_path / "d/LICENSE.txt").exists()


def test_missing_file_on_the_server_is_named(physionet: PhysioNet, tmp_path: Path) -> None:
    del physionet.files["LICENSE.txt"]
    result = download(tmp_path / "d", physionet.url)
    assert result.returncode == 1
    assert "LICENSE.txt" in result.stderr
    assert (tmp_path / "d/ptbxl_database.csv").exists()


def test_no_network_is_one_clear_sentence(tmp_path: Path) -> None:
    result = download(tmp_path / "d", "http://127.0.0.1:9/ptb-xl")
    assert result.returncode == 1
    assert result.stderr.strip().count("\n") == 0
    assert "cannot fetch http://127.0.0.1:9/ptb-xl/SHA256SUMS.txt" in result.stderr


def test_a_login_page_is_no_list_of_sums(physionet: PhysioNet, tmp_path: Path) -> None:
    physionet.files["SHA256SUMS.txt"] = b"<html>please log in</html>"
    result = download(tmp_path / "d", physionet.url)
    assert result.returncode == 1
    assert "is not a list of SHA-256 sums" in result.stderr
    assert not (tmp_path / "d/SHA256SUMS.txt").exists()


def test_path_that_leaves_the_folder_is_refused(physionet: PhysioNet, tmp_path: Path) -> None:
    physionet.files["SHA256SUMS.txt"] = b"0" * 64 + b" ../evil\n"
    result = download(tmp_path / "d", physionet.url)
    assert result.returncode == 1
    assert "outside the folder" in result.stderr
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("extra", [["--subset", "some"], ["--workers", "0"], ["--what"]])
def test_usage_errors_exit_2(tmp_path: Path, extra: list[str]) -> None:
    assert download(tmp_path / "d", "http://127.0.0.1:9", *extra).returncode == 2
    assert not (tmp_path / "d").exists()
