"""The pictures of README: a session at a terminal, and the catalog in a browser, each for light and dark screens.

The session is what the program really says on the frozen catalog, drawn as SVG: the same sources make the same bytes,
and a test compares. The catalog's page is photographed by Chromium, whose version may change its bytes.

usage: python -m tests.support.pictures [--browser]

Makes the session's pictures again; with `--browser` the catalog's, too.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from markupsafe import escape

from clusterbook.ledger import plan
from clusterbook.ledger.model import Ledger
from clusterbook.ledger.plan import Commit
from clusterbook.site.build import build
from tests.support import frozen, sites

HOME = frozen.OURS / ".github/images"
SESSION = (
    "clusterbook query h100-eks-ubuntu-training --selector components.gpu-operator.version",
    "clusterbook explain h100-eks-training 'constraints[name=K8s.server.version]'",
    "clusterbook recipe --service kind --accelerator gb300 --intent training",
    "clusterbook bundle h100-eks-ubuntu-training -d argocd --repo https://git.example.org/cluster -o bundle --quiet",
    "clusterbook validate gb200-eks-ubuntu-training --no-cluster -s cluster.yaml --phase readiness",
)
COLUMNS = 116
LETTER, LINE, EDGE, SIZE = 7.8, 19, 20, 13
PAGE, PART, WIDTH, HEIGHT = "recipes/h100-eks-ubuntu-training.html", "components", 1200, 760


class Theme(NamedTuple):
    """The colours of a picture: ground, text, prompt, and those of the program's own by their number."""

    ground: str
    edge: str
    text: str
    prompt: str
    colours: Mapping[str, str]


THEMES = {
    "light": Theme("#ffffff", "#d0d7de", "#1f2328", "#0969da", {"1;31": "#cf222e", "32": "#1a7f37", "2": "#6e7781"}),
    "dark": Theme("#0d1117", "#30363d", "#e6edf3", "#58a6ff", {"1;31": "#ff7b72", "32": "#3fb950", "2": "#8b949e"}),
}


def session(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield each command of the session with what it says, as a terminal is sent it; `folder` is where it is typed."""
    index = frozen.write_index(folder / "index", frozen.texts())
    (folder / "cluster.yaml").write_bytes(frozen.SNAPSHOT.read_bytes())
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CLUSTERBOOK_", "NO_COLOR"))}
    around = {**kept, "FORCE_COLOR": "1", "CLUSTERBOOK_SOURCE": str(index)}
    for line in SESSION:
        program, *words = shlex.split(line)
        command = [str(Path(sys.executable).parent / program), *words]
        done = subprocess.run(
            command, cwd=folder, env=around, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        yield line, done.stdout


def terminal(lines: list[str], theme: Theme) -> str:
    """Return a picture of a terminal with these lines, in which a colour is a sequence of ECMA-48."""
    width, height = round(COLUMNS * LETTER + 2 * EDGE), len(lines) * LINE + 2 * EDGE
    rows = "".join(
        f'<text x="{EDGE}" y="{EDGE + number * LINE + SIZE}" xml:space="preserve">{_spans(line, theme)}</text>\n'
        for number, line in enumerate(lines)
    )
    font = "ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img" font-family="{font}" font-size="{SIZE}" fill="{theme.text}">\n'
        f"<title>A session at a terminal</title>\n"
        f'<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8" fill="{theme.ground}"'
        f' stroke="{theme.edge}"/>\n{rows}</svg>\n'
    )


def _spans(line: str, theme: Theme) -> str:
    """Return a line with what is coloured of it in spans."""
    if line.startswith("$ "):
        return f'<tspan fill="{theme.prompt}">$</tspan> <tspan font-weight="600">{escape(line[2:])}</tspan>'
    found = []
    for colour, coloured, plain in re.findall(r"\x1b\[([\d;]+)m(.*?)\x1b\[0m|([^\x1b]+)", line):
        found.append(f'<tspan fill="{theme.colours[colour]}">{escape(coloured)}</tspan>' if colour else escape(plain))
    return "".join(found)


def folded(text: str) -> list[str]:
    """Return the lines of what a program said, those that are too long for the picture folded."""
    lines = []
    for line in text.splitlines():
        while len(re.sub(r"\x1b\[[\d;]*m", "", line)) > COLUMNS:
            cut = line.rfind(" ", 0, COLUMNS)
            lines.append(line[:cut])
            line = "    " + line[cut + 1 :]
        lines.append(line)
    return lines


def session_pictures() -> dict[str, str]:
    """Return the pictures of the session, by file name."""
    with tempfile.TemporaryDirectory() as work:
        typed = list(session(Path(work)))
    lines: list[str] = []
    for line, said in typed:
        lines += [*([""] if lines else []), f"$ {line}", *folded(said)]
    return {f"session-{name}.svg": terminal(lines, theme) for name, theme in THEMES.items()}


def chromium() -> str | None:
    """Return the browser that is installed, None where there is none."""
    return next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None)


def catalog_pictures(folder: Path) -> dict[str, bytes]:
    """Return the pictures of the catalog, by file name; the site is rendered into `folder`."""
    from playwright.sync_api import sync_playwright

    matrix = frozen.build(frozen.few())
    released = plan.plan(matrix, Ledger({}), name="2026.7.0", commit=Commit("1" * 40, "2026-07-01T00:00:00Z"))
    build(sites.data_of(matrix, Ledger(dict(released.files))), sites.SOURCES, folder, sites.PROGRAMS)
    found = {}
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for scheme in THEMES:
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)  # type: ignore[arg-type]
            page.goto(f"{(folder / PAGE).as_uri()}#{PART}")
            page.wait_for_timeout(500)  # until it has scrolled there
            found[f"catalog-{scheme}.png"] = page.screenshot()
        browser.close()
    return found


def main(words: list[str]) -> None:
    """Make the pictures again."""
    HOME.mkdir(parents=True, exist_ok=True)
    for name, text in session_pictures().items():
        (HOME / name).write_text(text, encoding="utf-8")
    if "--browser" in words:
        with tempfile.TemporaryDirectory() as work:
            for name, data in catalog_pictures(Path(work) / "site").items():
                (HOME / name).write_bytes(data)


if __name__ == "__main__":
    main(sys.argv[1:])
