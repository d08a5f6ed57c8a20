// One model a scenario: which operations are shown, and where the cursor of its charts stands.

const KINDS = { percentiles: PercentileChart, latency: LatencyChart, rate: RateChart, events: EventChart };

class Scenario {
  constructor(section, data, index) {
    this.data = data;
    this.index = index;
    this.off = new Set();
    this.showsService = false;
    const bins = data.operations.map((each) => (each.start - data.start) / data.bin + each.ok.length);
    this.bins = Math.ceil(Math.max(0, ...bins));
    const figures = [...section.querySelectorAll("[data-chart]")];
    this.charts = figures.map((figure) => new KINDS[figure.dataset.chart](figure, this));
    const first = section.querySelector(".pair");
    if (data.operations.length) first.before(this.legend());
    this.draw();
  }

  shown() {
    return this.data.operations.filter((operation) => !this.off.has(operation));
  }

  legend() {
    const legend = document.createElement("div");
    legend.className = "legend";
    legend.setAttribute("role", "group");
    legend.setAttribute("aria-label", `Shown in the charts of ${this.data.name}`);
    for (const operation of this.data.operations) {
      legend.append(this.button(operation.name, `s${operation.color}`, true, (isOn) => {
        if (isOn) this.off.delete(operation);
        else this.off.add(operation);
      }));
    }
    legend.append(this.button("errors", "s-error"));
    legend.append(this.button("service time", "s-service", false, (isOn) => { this.showsService = isOn; }));
    return legend;
  }

  /** A key; one that switches when it is given what to do. */
  button(name, kind, isOn, change) {
    const button = document.createElement(change ? "button" : "span");
    const key = document.createElement("i");
    key.className = `key ${kind}`;
    button.append(key, name);
    if (!change) return button;
    button.type = "button";
    button.setAttribute("aria-pressed", String(isOn));
    button.addEventListener("click", () => {
      const next = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(next));
      change(next);
      this.draw();
    });
    return button;
  }

  draw() {
    for (const chart of this.charts) chart.draw();
  }

  /** The charts over time move together; the one of percentiles has an axis of its own. */
  moveTo(chart, place, speaks) {
    const together = chart instanceof TimeChart ? this.charts.filter((each) => each instanceof TimeChart) : [chart];
    for (const each of together) each.show(place, each === chart, speaks);
  }
}

const report = JSON.parse(document.getElementById("data").textContent);
const scenarios = report.scenarios.map((data, index) =>
  new Scenario(document.getElementById(`scenario-${index}`), data, index));

let lastWidth = document.documentElement.clientWidth;
addEventListener("resize", () => {
  const width = document.documentElement.clientWidth;
  if (width === lastWidth) return;
  lastWidth = width;
  requestAnimationFrame(() => scenarios.forEach((scenario) => scenario.draw()));
});
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => { each.open = true; }));
document.documentElement.dataset.drawn = String(scenarios.length);
