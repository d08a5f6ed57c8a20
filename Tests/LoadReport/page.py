"""What a report's page must be, in a browser."""

WIDTHS = [1280, 480, 320]

# Put in before the page's own script: what goes wrong on it, and what it asks for.
WATCH = """
    window.wrong = [];
    addEventListener('error', event => wrong.push(String(event.message)));
    addEventListener('unhandledrejection', event => wrong.push(String(event.reason)));
    addEventListener('securitypolicyviolation', event => wrong.push(
        `${event.violatedDirective} of ${event.blockedURI} at line ${event.lineNumber}`));
    for (const name of ['error', 'warn']) {
        console[name] = (...words) => wrong.push(`console.${name}: ${words.join(' ')}`);
    }
"""

CHARTS = """[...document.querySelectorAll('[data-chart]')].map(figure => {
    const [svg, plot] = [figure.querySelector('svg'), figure.querySelector('.plot').getBoundingClientRect()];
    const box = svg?.getBoundingClientRect();
    return {
        kind: figure.dataset.chart,
        drawn: Boolean(svg && svg.querySelector('path, rect, .empty')),
        described: Boolean(svg?.getAttribute('aria-label') && svg.tabIndex === 0),
        fits: Boolean(box && box.width > 200 && box.right <= plot.right + 1),
        numbers: !/NaN|undefined|Infinity/.test(svg?.outerHTML ?? 'undefined'),
    };
})"""

# Lines as they should be: a scenario's operations that answered have each a curve, and a p99 over time.
LINES = """(() => {
    const data = JSON.parse(document.getElementById('data').textContent);
    return data.scenarios.map((scenario, index) => {
        const count = (chart, what) =>
            document.querySelectorAll(`#scenario-${index} [data-chart=${chart}] ${what}`).length;
        const answered = scenario.operations.filter(each => each.curve[0].length);
        const timed = scenario.operations.filter(each => each.p99.some(value => value > 0));
        return [
            [count('percentiles', '.line.thick'), answered.length], [count('latency', '.line.thick'), timed.length],
            [count('events', ':is(.bar, .diamond)'), scenario.events.length],
        ];
    }).flat();
})()"""

# The read-out of a chart of each kind that has something to read.
READ = """(by => [...document.querySelectorAll('[data-chart]')].map(figure => {
    const svg = figure.querySelector('svg');
    if (svg.querySelector('.empty')) return true;
    const box = svg.getBoundingClientRect();
    if (by === 'mouse') {
        const place = {clientX: box.left + box.width / 2, clientY: box.top + box.height / 2};
        svg.dispatchEvent(new PointerEvent('pointermove', place));
    } else {
        svg.focus();
        for (const key of ['End', 'ArrowLeft']) svg.dispatchEvent(new KeyboardEvent('keydown', {key}));
    }
    const tip = figure.querySelector('.tip');
    const shown = !tip.hidden && tip.textContent.length > 3 && !/NaN|undefined/.test(tip.textContent);
    const spoken = by === 'mouse' || figure.querySelector('[aria-live]').textContent.length > 3;
    const inside = tip.getBoundingClientRect().right <= document.documentElement.clientWidth + 1;
    svg.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}));
    return shown && spoken && inside && tip.hidden;
}))"""

TOGGLE = """(() => [...document.querySelectorAll('.legend')].map(legend => {
    const thick = () => legend.parentElement.querySelectorAll('[data-chart=percentiles] .line').length;
    const before = thick();
    const buttons = [...legend.querySelectorAll('button')];
    buttons[0].click();
    const without = thick();
    buttons[0].click();
    buttons[buttons.length - 1].click();
    const withService = thick();
    buttons[buttons.length - 1].click();
    return before === 0 || (without === before - 1 && withService === 2 * before && thick() === before);
}))()"""


def check(checks, browser, file):
    tab = browser.tab("about:blank")
    browser.call("Page.enable", tab.session)
    browser.call("Page.addScriptToEvaluateOnNewDocument", tab.session, source=WATCH)
    tab.open(file.as_uri())
    scenarios = tab.run("document.querySelectorAll('.scenario').length")
    checks.equal("scenarios drawn", tab.run("document.documentElement.dataset.drawn"), str(scenarios))
    checks.true("the policy allows no source of its own", "default-src 'none'" in tab.run(
        "document.querySelector('meta[http-equiv=Content-Security-Policy]').content"))
    for width in WIDTHS:
        browser.call(
            "Emulation.setDeviceMetricsOverride", tab.session, width=width, height=900, deviceScaleFactor=1,
            mobile=False)
        settle(tab)
        layout(checks, tab, width)
    checks.equal("an operation is hidden, shown again, and its service time too", set(tab.run(TOGGLE)) - {True}, set())
    checks.equal("nothing was wrong on the page", tab.run("wrong"), [])
    asked = tab.run("performance.getEntriesByType('resource').map(each => each.name)")
    checks.equal("nothing was asked for", asked, [])
    refused(checks, tab)
    without_script(checks, browser, file, scenarios)
    tab.close()


def layout(checks, tab, width):
    """At one width of the window."""
    for number, chart in enumerate(tab.run(CHARTS)):
        failing = [name for name, found in chart.items() if not found]
        checks.equal(f"chart {number} ({chart['kind']}) at {width}", failing, [])
    for found, expected in tab.run(LINES):
        checks.equal(f"lines at {width}", found, expected)
    checks.equal(f"sideways at {width}", tab.run("document.documentElement.scrollWidth <= innerWidth"), True)
    for by in ["mouse", "keys"]:
        checks.equal(f"read-outs by {by} at {width}", set(tab.run(f"{READ}('{by}')")) - {True}, set())


def settle(tab):
    """Two frames: a resize is drawn in the one after it."""
    tab.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))")


def refused(checks, tab):
    """What a page with somebody's script in it could do: nothing."""
    found = tab.run("""new Promise(done => {
        addEventListener('securitypolicyviolation', event => done(event.effectiveDirective), {once: true});
        document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = true'}));
    })""")
    checks.equal("a foreign script is refused", (found, tab.run("window.ran ?? false")), ("script-src-elem", False))
    asked = tab.run("fetch('http://127.0.0.1:9/').then(() => 'sent', error => error.name)")
    checks.equal("a request is refused", asked, "TypeError")


def without_script(checks, browser, file, scenarios):
    tab = browser.tab("about:blank")
    browser.call("Emulation.setScriptExecutionDisabled", tab.session, value=True)
    browser.call("Page.navigate", tab.session, url=file.as_uri())
    # What the debugger evaluates runs even so, but for promises.
    whole = "document.readyState === 'complete' && location.protocol === 'file:'"
    checks.true("shown without a script", any(tab.run(whole) for _ in range(5000)))
    checks.equal("nothing drawn without a script", tab.run("document.querySelectorAll('svg').length"), 0)
    checks.equal("tables without a script", tab.run("document.querySelectorAll('.scenario .operations').length > 0"),
                 scenarios > 0)
    tab.close()
