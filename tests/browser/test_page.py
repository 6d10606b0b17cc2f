"""The page in a browser: hostile names do nothing, nothing is loaded, filters work, everybody can use it."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from cluster_sim.results.run_directory import read_manifest
from cluster_sim.results.storage import storage_of
from tests.browser.hostile_run import GROUPS, PATHS, PROTECTIONS

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
PATIENCE_MS = 180_000
"""A bound on a page that never draws; no expectation of its speed."""
SERIOUS = ("serious", "critical")


@dataclass
class Opened:
    """A page, and what it said and asked for while it was open."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def wait(self) -> None:
        """Until all charts are drawn."""
        self.page.wait_for_selector("html[data-drawn]", state="attached", timeout=PATIENCE_MS)

    def becomes(self, expression: str, value: str) -> None:
        """Until an expression has a value: a loaded machine takes its time to paint, and to draw anew for print."""
        self.page.wait_for_function(f"{expression} === {value!r}")


def opened(browser: Browser, address: str, *, width: int = 1280, scheme: str = "light") -> Opened:
    """Open the page and wait until it is drawn."""
    shown = browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
    )
    shown.set_default_timeout(PATIENCE_MS)
    found = Opened(shown)
    shown.on("console", lambda message: found.said.append(f"{message.type}: {message.text}"))
    shown.on("pageerror", lambda error: found.said.append(f"error: {error}"))
    shown.on("dialog", lambda dialog: found.said.append(f"dialog: {dialog.message}"))
    shown.on("request", lambda request: found.asked.append(request.url))
    shown.goto(address)
    found.wait()
    return found


@pytest.fixture(scope="module")
def shared(browser: Browser, report: Path) -> Iterator[Opened]:
    found = opened(browser, report.as_uri())
    yield found
    found.page.close()


@pytest.fixture
def wide(shared: Opened) -> Opened:
    """The page at 1280 px as it was opened, with nothing hidden: opened once, because drawing it takes a while."""
    if shared.page.locator("#filters input:not(:checked)").count():
        shared.page.locator("#all").click()
        shared.wait()
    return shared


def drawn_texts(found: Opened) -> str:
    return "\n".join(found.page.locator(".drawing svg text").all_text_contents())


def box(name: str, number: int) -> str:
    return f'fieldset[data-filter="{name}"] input[value="{number}"]'


def test_hostile_names_run_no_script_and_are_shown_as_they_are(wide: Opened, hostile: Path) -> None:
    question = read_manifest(storage_of(hostile)).question
    assert wide.page.evaluate("window.owned") is None
    assert wide.page.locator("h1").text_content() == question
    assert "window.owned" in question
    assert wide.page.locator("body img, body script:not(#data) ~ b").count() == 0
    shown = wide.page.locator("#filters bdi").all_text_contents()
    assert {*PATHS.values(), *PROTECTIONS.values(), *GROUPS.values()} <= set(shown)


def test_the_console_is_silent_and_no_request_leaves_the_file(wide: Opened, report: Path) -> None:
    assert wide.said == []
    assert [url for url in wide.asked if not url.startswith("data:")] == [report.as_uri()]


def test_a_script_that_the_policy_does_not_name_cannot_run(wide: Opened) -> None:
    """The policy itself, not only the escaping: what is added later is refused too, and so is a request."""
    wide.page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.owned = 5';"
        " document.body.append(s); }"
    )
    assert wide.page.evaluate("window.owned") is None
    assert wide.page.evaluate("fetch('data:,x').then(() => 'came', () => 'refused')") == "refused"
    assert sum("Content Security Policy" in text for text in wide.said) >= 2
    wide.said.clear()


def test_every_chart_has_marks(wide: Opened) -> None:
    drawings = wide.page.locator(".drawing")
    assert drawings.count() > 15
    for number in range(drawings.count()):
        drawing = drawings.nth(number)
        marks = drawing.evaluate(
            "drawing => [...drawing.querySelectorAll('svg .role-mark path')]"
            ".filter(mark => (mark.getAttribute('d') ?? '').length > 8"
            " && mark.getAttribute('opacity') !== '0').length"
        )
        assert marks > 0, drawing.get_attribute("data-chart")


def test_a_chart_has_no_colour_that_its_path_does_not_have(wide: Opened) -> None:
    """One colour a path throughout: each drawn bar has the colour of the legend at its number."""
    swatches = wide.page.locator('fieldset[data-filter="p"] .swatch line')
    colours = {swatches.nth(number).get_attribute("stroke") for number in range(swatches.count())}
    assert len(colours) == len(PATHS)
    bars = wide.page.locator('[data-chart="throughput"] .mark-rect path')
    assert {bars.nth(number).get_attribute("fill") for number in range(bars.count())} == colours


def test_a_filter_takes_a_technology_out_of_charts_tables_and_verdicts(wide: Opened) -> None:
    name = next(iter(PROTECTIONS.values()))
    assert name in drawn_texts(wide)
    wide.page.locator(box("a0", 0)).uncheck()
    wide.wait()
    assert name not in drawn_texts(wide)
    assert wide.page.locator('.card:visible [data-g="0"]').count() == len(PROTECTIONS) - 1
    wide.page.locator("#latency summary").click()
    assert wide.page.locator('#latency tbody tr[data-s="0"]:visible').count() == 0
    assert wide.page.locator('#latency tbody tr[data-s="1"]:visible').count() > 0
    expect(wide.page.locator("#state")).to_contain_text("1 of")


def test_filters_of_path_and_group_work_by_keyboard_stay_in_the_address_and_can_be_undone(
    wide: Opened, browser: Browser
) -> None:
    for name in ("p", "g"):
        wide.page.locator(box(name, 1)).focus()
        wide.page.keyboard.press("Space")
    wide.wait()
    assert wide.page.evaluate("location.hash") == "#~p-1~g-1"
    assert wide.page.locator('.drawing[data-group="1"]:visible').count() == 0
    assert wide.page.locator('.drawing[data-group="0"]:visible').count() > 0
    assert "www" not in drawn_texts(wide)
    again = opened(browser, wide.page.url)
    assert not again.page.locator(box("p", 1)).is_checked()
    assert again.page.locator(box("p", 0)).is_checked()
    assert again.page.locator('.drawing[data-group="1"]:visible').count() == 0
    again.page.locator("#all").click()
    again.wait()
    assert again.page.locator('.drawing[data-group="1"]:visible').count() > 0
    assert again.page.evaluate("location.hash") in ("", "#")
    again.page.close()


def test_hiding_all_says_that_nothing_is_chosen(wide: Opened) -> None:
    for number in range(len(PATHS)):
        wide.page.locator(box("p", number)).uncheck()
    wide.wait()
    assert wide.page.locator(".drawing svg").count() == 0
    expect(wide.page.locator("#latency .nothing")).to_be_visible()


def test_a_link_keeps_the_filters_and_moves_the_focus(wide: Opened) -> None:
    wide.page.locator(box("p", 1)).uncheck()
    wide.page.locator('nav a[href="#run"]').click()
    assert wide.page.evaluate("location.hash") == "#run~p-1"
    assert wide.page.evaluate("document.activeElement.id") == "run"


def test_the_first_tab_leads_past_the_filters(wide: Opened) -> None:
    wide.page.evaluate("document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)")
    wide.page.locator("body").evaluate(
        "body => { body.tabIndex = -1; body.focus(); body.removeAttribute('tabindex'); }"
    )
    wide.page.keyboard.press("Tab")
    assert wide.page.evaluate("document.activeElement.textContent") == "Skip to the answer"
    wide.page.keyboard.press("Enter")
    assert wide.page.evaluate("document.activeElement.id") == "answer"


def test_headings_follow_each_other_without_a_gap(wide: Opened) -> None:
    levels = [
        int(name[1]) for name in wide.page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(h => h.tagName)")
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_the_theme_button_overrides_the_system_and_print_is_black_on_white(browser: Browser, report: Path) -> None:
    dark = opened(browser, report.as_uri(), scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    label = "getComputedStyle(document.querySelector('.drawing .role-axis-label text')).fill"
    dark.becomes(colour, "rgb(20, 23, 27)")
    dark.page.locator("#theme").click()
    dark.becomes(colour, "rgb(251, 251, 249)")
    dark.page.locator("#theme").click()
    dark.page.emulate_media(media="print")
    dark.becomes(colour, "rgb(255, 255, 255)")
    dark.becomes(label, "rgb(0, 0, 0)")
    dark.page.close()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(browser: Browser, report: Path, width: int, scheme: str) -> None:
    """Axe finds nothing serious with all that folds open, nothing scrolls sideways, and a picture of it is left."""
    found = opened(browser, report.as_uri(), width=width, scheme=scheme)
    ARTIFACTS.mkdir(exist_ok=True)
    found.page.screenshot(path=ARTIFACTS / f"page-{width}-{scheme}.png", full_page=True)
    found.page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    found.wait()
    assert found.page.evaluate("document.documentElement.scrollWidth") <= width
    violations = Axe().run(found.page).response["violations"]
    faults = [
        f"{each['id']}: {node['html'][:200]}"
        for each in violations
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]
    assert faults == []
    found.page.close()
