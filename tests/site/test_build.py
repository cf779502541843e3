"""The site as a whole: every page kind, the same bytes twice, any number of releases, and broken by any mistake."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import unquote

import pytest

from clusterbook.site import build, pages
from clusterbook.site.errors import BrokenPageTemplate, BrokenSite
from tests.support import ledgers, sites

KINDS = (
    "index.html",
    "404.html",
    "recipes/index.html",
    "recipes/all.html",
    "recipes/eks.html",
    "recipes/eks/1.0.0.html",
    "recipes/eks/yaml.html",
    "recipes/eks/1.0.0..1.1.0.html",
    "compare.html",
    "fits.html",
    "components/index.html",
    "components/a.html",
    "values/index.html",
    "coverage.html",
    "layers/base.html",
    "layers/index.html",
    "changes/index.html",
    "changes/2026.7.0.html",
    "sources/overlays/eks.yaml.html",
    "api/index.html",
    "guide/index.html",
)


@pytest.mark.parametrize("path", KINDS)
def test_there_is_a_page_of_each_kind_with_a_title_a_description_and_the_frame(path: str) -> None:
    text = sites.whole()[path].decode()
    assert text.count("<h1") == 1
    assert "</html>" in text
    assert "@@" not in text
    assert "<!-- catalog:" not in text.replace("<!-- catalog:begin -->", "").replace("<!-- catalog:end -->", "")
    assert "cb-foot" in text
    if path != "404.html":
        assert '<meta name="description" content="' in text


def test_every_page_is_reached_from_the_home_page() -> None:
    files, seen, waiting = sites.whole(), set[str](), ["index.html"]
    while waiting:
        path = waiting.pop()
        if path in seen or path not in files:
            continue
        seen.add(path)
        if path.endswith(".html"):
            links = re.findall(r'<a [^>]*?href="([^"#?:]+)', files[path].decode())
            waiting += [normpath(join(dirname(path), unquote(link))) for link in links]
    pages = {path for path in files if path.endswith(".html") and not path.startswith("recipes/d/")}
    assert pages - seen == {"404.html"}


def test_titles_of_pages_are_unique() -> None:
    titles: dict[str, str] = {}
    for path, content in sites.whole().items():
        if path.endswith(".html"):
            title = content.decode().partition("<title>")[2].partition("</title>")[0]
            assert title not in titles, (path, titles[title])
            titles[title] = path


def test_a_page_lights_the_tab_it_belongs_to() -> None:
    text = sites.whole()["recipes/eks.html"].decode()
    active = text.partition("md-tabs__item--active")[2].partition("</li>")[0]
    assert "Recipes" in active


@pytest.mark.parametrize(
    ("path", "way"),
    [
        ("recipes/eks.html", ["../recipes/index.html"]),
        ("recipes/eks/1.0.0.html", ["../../recipes/index.html", "../../recipes/eks.html"]),
        ("recipes/eks/yaml.html", ["../../recipes/index.html", "../../recipes/eks.html"]),
        ("evidence/eks/2026-07-14-acme.html", ["../../recipes/index.html", "../../recipes/eks.html"]),
        ("components/a.html", ["../components/index.html"]),
        ("changes/2026.7.0.html", ["../changes/index.html"]),
        ("layers/eks.html", ["../recipes/index.html", "../layers/index.html"]),
        (
            "sources/overlays/eks.yaml.html",
            ["../../recipes/index.html", "../../layers/index.html", "../../layers/eks.html"],
        ),
        ("sources/components/a/values.yaml.html", ["../../../recipes/index.html", "../../../layers/index.html"]),
    ],
)
def test_a_page_leads_back_up(path: str, way: list[str]) -> None:
    trail = sites.whole()[path].decode().partition('<nav class="cb-trail"')[2].partition("</nav>")[0]
    assert re.findall('href="([^"]+)"', trail) == way


def test_layers_stand_below_what_they_build_on_each_once() -> None:
    ours = sites.our_data()
    path = "layers/index.html"
    page = next(
        each for each in pages.Renderer(ours, sites.SOURCES / "templates").other_pages() if each.path == path
    ).body()
    overlays, mixins = page.partition('id="mixins"')[::2]
    above: list[str] = []
    found: dict[str, str] = {}
    for step, name in re.findall(r'(<li>|</li>)(?:\s*<a class="cb-layer" href="\.\./layers/([^"]+)\.html")?', overlays):
        if step == "</li>":
            above.pop()
            continue
        assert name not in found
        found[name] = above[-1] if above else ""
        above.append(name)
    assert found == {layer.name: layer.parent for layer in ours.layers if layer.kind == "overlay"}
    for layer in ours.layers:
        if layer.kind == "mixin":
            said = mixins.partition(f"layers/{layer.name}.html")[2].partition("</li>")[0]
            assert re.findall(r'layers/([^"]+)\.html', said) == list(layer.children)


def test_a_recipe_says_which_criteria_lead_to_it() -> None:
    text = sites.whole()["recipes/base.html"].decode().partition('id="answers"')[2].partition("</table>")[0]
    assert re.findall("<td>(.*?)</td>", text) == ["not named", "not named", "not named", "not named", "not named", "1"]
    ours = sites.our_data()
    summary = next(each for each in ours.recipes if each.slug == "h100-eks-ubuntu-training")
    page = next(pages.Renderer(ours, sites.SOURCES / "templates").recipe(summary)).body()
    text = page.partition('id="answers"')[2].partition("</table>")[0]
    assert re.findall("<td>(.*?)</td>", text)[:4] == ["eks", "h100", "training", "ubuntu"]


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_same_sources_give_the_same_bytes(seed: str, tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from tests.support import sites; import sys\n"
        "from clusterbook.files.write import write_folder\n"
        "write_folder(Path(sys.argv[1]), sites.whole().items(), marker='index.html')"
    )
    env = {**os.environ, "PYTHONHASHSEED": seed, "TZ": f"UTC+{seed}"}
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "out")], check=True, env=env, cwd=sites.OURS)
    found = {path.relative_to(tmp_path / "out").as_posix(): path for path in (tmp_path / "out").rglob("*")}
    written = {name: path.read_bytes() for name, path in found.items() if path.is_file()}
    assert written == dict(sites.whole())


def test_a_site_needs_no_release() -> None:
    files = sites.files(sites.data(sites.SMALL))
    assert "No release has this recipe" in files["recipes/eks.html"].decode()
    assert "There is no release yet" in files["changes/index.html"].decode()
    assert "api/v1/recipes/eks.json" in files


def test_a_first_release_is_one_in_which_all_is_new() -> None:
    files = sites.files(sites.data(ledgers.MARCH, ledgers.plan(ledgers.MARCH, "2026.3.0").files))
    assert "New: 3" in files["changes/2026.3.0.html"].decode()
    assert "Not released like this" not in files["recipes/eks.html"].decode()
    assert "recipes/eks/1.0.0.html" in files


def test_the_site_says_what_is_released_and_what_is_not_yet() -> None:
    text = sites.whole()["recipes/eks.html"].decode()
    assert "Not released like this" in text
    assert 'href="eks/1.1.0.html"' in text.replace("../recipes/", "")
    older = sites.whole()["recipes/eks/1.0.0.html"].decode()
    assert "An older version" in older


def test_a_released_version_names_lines_of_its_sources_and_leads_to_none_of_todays() -> None:
    """Lines move: what stands there today need not be what the version was made of, nor stand there at all."""
    released = [path for path in sites.whole() if re.fullmatch(r"recipes/[^/]+/\d+\.\d+\.\d+\.html", path)]
    assert released
    for path in released:
        assert ".html#L" not in sites.whole()[path].decode()
    assert re.search(r'cb-place">[\w/.-]+\.yaml:\d+<', sites.whole()["recipes/eks/1.0.0.html"].decode())
    assert ".html#L" in sites.whole()["recipes/eks.html"].decode()


def test_the_digest_of_a_version_leads_to_its_page() -> None:
    entry = json.loads(sites.whole()["api/v1/recipes/eks/1.0.0.json"])["published"]
    text = sites.whole()[f"recipes/d/{entry['digest'].removeprefix('sha256:')[:12]}.html"].decode()
    assert 'url=../../recipes/eks/1.0.0.html"' in text
    assert '<a href="../../recipes/eks/1.0.0.html">' in text


def test_strings_from_recipes_are_text() -> None:
    hostile = sites.HOSTILE.replace('"', '\\"')
    tree = {
        "base": f"""
            constraints: [{{name: K8s.server.version, value: ">= 1.30"}}]
            componentRefs: [{{name: a, overrides: {{x: "{hostile}", "{hostile}": 1}}}}]
            """
    }
    files = sites.files(sites.data(tree, ledgers.plan(tree, "2026.3.0").files))
    shown = 0
    for path, content in files.items():
        text = content.decode("utf-8", errors="replace")
        if path.endswith((".html", ".atom")):
            assert "<script>alert" not in text, path
            assert '" onload="x' not in text, path
            shown += "&lt;script&gt;alert" in text
    assert shown > 3  # the recipe, its version, the component, the values, the source


def test_the_guide_leads_to_every_decision_by_its_title() -> None:
    folder = sites.SOURCES / "docs" / "decisions"
    titles = {path.stem: path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
              for path in folder.glob("0*.md")}  # fmt: skip
    page = sites.whole()["decisions/index.html"].decode().partition("<article")[2]
    listed = dict(re.findall(r'<li><a href="([^"]+)\.html">(.*?)</a></li>', page))
    assert {name: unescape(title) for name, title in listed.items()} == titles
    assert 'href="../decisions/index.html"' in sites.whole()["guide/index.html"].decode()


def test_a_sitemap_is_only_made_of_a_site_that_knows_where_it_stands() -> None:
    assert "sitemap.xml" not in sites.whole()
    files = sites.files(sites.small(), url="https://example.com/catalog/")
    text = files["sitemap.xml"].decode()
    for path in ("recipes/eks.html", "guide/index.html", "index.html"):
        assert f"<loc>https://example.com/catalog/{path}</loc>" in text
    assert "shell" not in text
    assert (
        '<link rel="canonical" href="https://example.com/catalog/recipes/eks.html">'
        in files["recipes/eks.html"].decode()
    )


def test_search_finds_recipes_components_and_the_guide() -> None:
    text = sites.whole()["search/search_index.json"].decode()
    for place in ("recipes/eks.html", "components/a.html", "guide/"):
        assert f'"location":"{place}' in text
    assert "@@" not in text


def test_another_generator_makes_the_same_bytes() -> None:
    assert sites.files(sites.small(), generator="properdocs") == sites.whole()


# --- mistakes ---------------------------------------------------------------------------------------------------------


def broken(tmp_path: Path, file: str, old: str, new: str) -> Path:
    """Return sources in which `old` is `new` in one file."""
    folder = sites.sources(tmp_path)
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


def test_a_template_that_asks_for_what_does_not_exist_fails_the_build_and_says_where(tmp_path: Path) -> None:
    folder = broken(tmp_path, "templates/recipe.html", "{{ r.title }}", "{{ r.titel }}")
    with pytest.raises(BrokenPageTemplate, match=r"recipes/aks\.html.*'titel'") as caught:
        build.build(sites.small(), folder, tmp_path / "out", sites.PROGRAMS)
    assert caught.value.place is not None
    assert str(caught.value.place).endswith("recipe.html:2")
    assert not (tmp_path / "out").exists()


def test_a_template_that_cannot_be_read_fails_the_build_and_says_where(tmp_path: Path) -> None:
    folder = broken(tmp_path, "templates/layer.html", "{% endfor %}", "{% endfro %}")
    with pytest.raises(BrokenPageTemplate) as caught:
        pages.Renderer(sites.small(), folder / "templates").render("layer.html", "layers/base.html")
    assert str(caught.value.place).partition("templates/")[2].startswith("layer.html:")


def test_an_icon_that_does_not_exist_fails_the_build_and_names_the_nearest(tmp_path: Path) -> None:
    folder = broken(tmp_path, "templates/changes.html", 'icon("feed")', 'icon("feet")')
    with pytest.raises(BrokenPageTemplate, match=r"no icon 'feet'.*feed"):
        pages.Renderer(sites.small(), folder / "templates").render("changes.html", "changes/index.html")


def test_a_dead_link_in_a_template_fails_the_build(tmp_path: Path) -> None:
    folder = broken(tmp_path, "templates/home.html", "recipes/all.html", "recipes/al.html")
    with pytest.raises(BrokenSite, match=r"index\.html: there is no recipes/al\.html"):
        build.build(sites.small(), folder, tmp_path / "out", sites.PROGRAMS)
    assert not (tmp_path / "out").exists()


def test_a_dead_link_in_the_guide_fails_the_build(tmp_path: Path) -> None:
    folder = sites.sources(tmp_path)
    page = folder / "docs" / "guide" / "index.md"
    page.write_text(page.read_text(encoding="utf-8") + "\n[nowhere](nowhere.md)\n", encoding="utf-8")
    with pytest.raises(BrokenSite, match=r"nowhere\.md"):
        build.build(sites.small(), folder, tmp_path / "out", sites.PROGRAMS)


def test_a_mark_that_names_no_fragment_fails_the_build(tmp_path: Path) -> None:
    folder = broken(tmp_path, "docs/coverage.md", "catalog:coverage", "catalog:covrage")
    with pytest.raises(BrokenSite, match=r"coverage\.html: there is no fragment covrage"):
        build.build(sites.small(), folder, tmp_path / "out", sites.PROGRAMS)


def test_a_theme_without_the_marks_fails_the_build(tmp_path: Path) -> None:
    folder = broken(tmp_path, "docs/_/shell.md", "<!-- catalog:end -->", "")
    with pytest.raises(BrokenSite, match="lacks a mark"):
        build.build(sites.small(), folder, tmp_path / "out", sites.PROGRAMS)


def test_a_generator_that_is_not_there_fails_the_build(tmp_path: Path) -> None:
    with pytest.raises(BrokenSite, match="No module named nobody"):
        build.build(sites.small(), sites.SOURCES, tmp_path / "out", sites.PROGRAMS, generator="nobody")


def test_sources_that_are_not_there_fail_the_build(tmp_path: Path) -> None:
    with pytest.raises(BrokenSite, match=r"mkdocs\.yml is missing") as caught:
        build.build(sites.small(), tmp_path / "nowhere", tmp_path / "out", sites.PROGRAMS)
    assert "--site" in caught.value.hint


def test_a_site_never_replaces_a_folder_that_is_none(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(Exception, match="out"):
        build.build(sites.small(), sites.SOURCES, out, sites.PROGRAMS)
    assert (out / "thesis.txt").read_text(encoding="utf-8") == "mine"


def test_the_home_page_says_how_many_combinations_are_answered_refused_and_unsupported() -> None:
    data = sites.our_data()
    home = pages.Renderer(data, sites.SOURCES / "templates").fragments["home"]("index.html")
    assert {each.state for each in data.recipes} == {"curated", "composed"}
    answered = sum("--" not in each.slug for each in data.recipes)  # a choice is no combination of its own
    assert data.states["curated"] + data.states["composed"] == answered < len(data.recipes)
    assert "combinations answered" not in home
    number = r"([\d,]+)"
    sentence = rf"Of {number} combinations of criteria, {number} are answered as asked; {number} .*?; {number} are"
    told = re.search(sentence, home)
    assert told is not None
    numbers = [int(each.replace(",", "")) for each in told.groups()]
    assert numbers == [sum(data.states.values()), answered, data.states["inherited"], data.states["unsupported"]]
    assert numbers[0] == sum(numbers[1:])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", r"a\u202eb"),
        ("a\x1b[8m", r"a\x1b[8m"),
        ("a\u2028b", r"a\u2028b"),
        ("a\u200bb", r"a\u200bb"),
        ("a\n\tb", "a\n\tb"),
        ("<b>\x9b", r"&lt;b&gt;\x9b"),
    ],
)
def test_text_of_strangers_hides_and_turns_nothing_on_a_page(text: str, shown: str) -> None:
    env = pages.Renderer(sites.small(), sites.SOURCES / "templates").env
    assert env.from_string("{{ text }}").render(text=text) == shown
    assert (
        env.from_string("{% set given %}<i>{{ text }}</i>{% endset %}{{ given }}").render(text=text)
        == f"<i>{shown}</i>"
    )
