"""Outside links: those that are lost are named with the place where they stand, and a dead network is no lost link."""

import http.server
import threading

import pytest
import requests

from seaofcarbon import run
from seaofcarbon.publish import links


@pytest.fixture
def server():
    """Answers /here and nothing else; returns its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802, D102
            self.send_response(200 if self.path == "/here" else 404)
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_):
            """Say nothing."""

    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{found.server_port}"
    found.shutdown()
    found.server_close()


def test_a_lost_link_is_named_with_its_place(server, tmp_path):
    """A page of the book, and a README that is none: of three addresses, the two that are lost come back."""
    root, folder = tmp_path / "root", tmp_path / "stage"
    (root / "catalogs").mkdir(parents=True)
    folder.mkdir()
    (root / "README.md").write_text(f"# Read me\n\nSee [here]({server}/here).\n")
    (root / "catalogs" / "a.yml").write_text(f"url: '{server}/gone'\nother: '{{CATALOG_DIR}}/x.yml'\n")
    (folder / "_config.yml").write_text("title: Test\nonly_build_toc_files: true\n")
    (folder / "_toc.yml").write_text("format: jb-book\nroot: index\nparts:\n  - chapters:\n      - file: page\n")
    (folder / "index.md").write_text(f"# A book\n\n[here]({server}/here), [a page](page.md)\n")
    (folder / "page.md").write_text(f"# A page\n\nGone:\n<{server}/lost>\n")
    links.prepare(folder, root)
    asked, lost = links.answers(links.ask(folder, tmp_path / "work"), folder)
    assert asked == 3
    assert [one.split(" (404")[0] for one in lost] == [
        f"catalogs/a.yml:1: {server}/gone", f"page.md:3: {server}/lost",
    ]  # fmt: skip


def test_dois_of_catalogues_are_asked(tmp_path):
    """A DOI is a link even where it is written without its address."""
    (tmp_path / "catalogs").mkdir()
    (tmp_path / "catalogs" / "a.yml").write_text("doi: 10.1594/PANGAEA.1\ncitation: 'A (2016), doi:10.5194/essd-8-1'\n")
    text = links.elsewhere(tmp_path)
    assert "- <https://doi.org/10.1594/PANGAEA.1> `catalogs/a.yml:1`" in text
    assert "- <https://doi.org/10.5194/essd-8-1> `catalogs/a.yml:2`" in text


def test_addresses_end_where_they_end(tmp_path):
    """DOIs of Elsevier hold parentheses; those around a link and the point after it are the sentence's."""
    doi = "10.1016/S0304-4203(97)00100-6"
    (tmp_path / "README.md").write_text(
        f"(see https://doi.org/{doi}), [a](https://a.b/c(d)), https://a.b. (doi:{doi}).\n"
    )
    found = [line.split()[1] for line in links.elsewhere(tmp_path).splitlines()[2:]]
    assert found == [f"<https://doi.org/{doi}>", "<https://a.b/c(d)>", "<https://a.b>", f"<https://doi.org/{doi}>"]


def test_without_a_network_no_link_is_lost(monkeypatch, capsys):
    """On a ship the answer is one line and 2, not two hundred lost links."""

    def nobody(*_, **__):
        raise requests.ConnectionError

    monkeypatch.setattr(links.requests, "head", nobody)
    assert links.main("twin") == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "no network" in said.err
    assert links.main() == 2  # as `make links` asks before it builds


def test_a_failure_of_ours_is_one_line(monkeypatch, capsys):
    """Sphinx stops before it asks: one line and the exit code of the command line."""

    def fails(_):
        raise run.LoggedError("the links could not be asked:\nno theme")

    monkeypatch.setattr(links, "unreached", fails)
    assert links.main("twin") == 70
    assert capsys.readouterr().err == "links: the links could not be asked: no theme\n"
