// Charts over time. They share one axis, so that what happened stands above what it did.

const TIME_MARGINS = { left: 62, right: 18 };

class TimeChart extends Chart {
  x(seconds) {
    const { start, end } = this.model.data;
    return this.left + (this.inner * (seconds - start)) / Math.max(1, end - start);
  }

  times() {
    const { start, end } = this.model.data;
    const step = timeStep(end - start, this.inner / 64);
    this.baseline();
    for (let time = Math.ceil(start / step) * step; time <= end + 0.01; time += step) {
      this.tick(this.x(time), clock(time));
    }
  }

  /** Warm-up, attacks and faults behind the lines. */
  backdrop() {
    const { start, end, events } = this.model.data;
    const area = { y: this.top, height: this.height };
    if (start < 0) {
      const [x, width] = [this.x(start), this.x(0) - this.x(start)];
      draw(this.svg, "rect", { ...area, x, width, class: "warmup" });
      if (width > 56) draw(this.svg, "text", { x: x + width / 2, y: this.top + 13, class: "tick middle" }, "warm-up");
    }
    for (const event of events) {
      const x = this.x(Math.max(start, event.at));
      if (event.until !== null) {
        const width = Math.max(1, this.x(Math.min(end, event.until)) - x);
        draw(this.svg, "rect", { ...area, x, width, class: "band" });
      } else {
        draw(this.svg, "line", { x1: x, x2: x, y1: this.top, y2: this.top + this.height, class: "moment" });
      }
    }
  }

  places() {
    return this.cursor ? this.model.bins : 0;
  }

  nearest(x) {
    const { start, end, bin } = this.model.data;
    if (!this.cursor || !this.model.bins) return null;
    const seconds = start + ((x - this.left) / this.inner) * (end - start);
    return Math.min(this.model.bins - 1, Math.max(0, Math.floor((seconds - start) / bin)));
  }

  /** The middle of a bin. */
  middle(place) {
    const { start, bin } = this.model.data;
    return this.x(start + (place + 0.5) * bin);
  }

  title(place) {
    const { start, bin } = this.model.data;
    const from = start + place * bin;
    const warm = from < 0 ? " (warm-up)" : "";
    return (bin === 1 ? clock(from) : `${clock(from)} to ${clock(from + bin)}`) + warm;
  }

  /** A column's value in a bin of the shared axis; 0 outside the operation's own timeline. */
  value(operation, column, place) {
    const { start, bin } = this.model.data;
    return operation[column][place - Math.round((operation.start - start) / bin)] ?? 0;
  }

  bins() {
    return Array.from({ length: this.model.bins }, (_, place) => place);
  }
}

class LatencyChart extends TimeChart {
  draw() {
    const operations = this.model.shown();
    const values = operations.flatMap((operation) => [...operation.p50, ...operation.p99]).filter((value) => value > 0);
    const height = values.length ? 190 : EMPTY_HEIGHT;
    this.frame(height, { ...TIME_MARGINS, top: 12, bottom: 30 }, "Latency over time, p50 and p99 of each second");
    this.backdrop();
    this.times();
    if (!values.length) {
      this.nothing("No request was answered.");
      this.cursor = null;
      return;
    }
    this.scale = logScale(values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b)));
    this.vertical(this.scale, duration);
    for (const operation of operations) {
      for (const [column, kind] of [["p50", "thin"], ["p99", "thick"]]) {
        const points = this.bins().map((place) => {
          const value = this.value(operation, column, place);
          return value > 0 ? [this.middle(place), this.y(this.scale, value)] : null;
        });
        this.line(points, { class: `line ${kind} s${operation.color}` });
      }
    }
    this.finish();
  }

  reading(place) {
    const rows = this.model.shown().map((operation) => {
      const [p50, p99] = ["p50", "p99"].map((column) => this.value(operation, column, place));
      const row = { name: operation.name, color: operation.color, value: "no answer" };
      return p99 > 0 ? { ...row, value: `${duration(p50)} · ${duration(p99)}`, y: this.y(this.scale, p99) } : row;
    });
    return { x: this.middle(place), title: `${this.title(place)}, p50 · p99`, rows };
  }
}

class RateChart extends TimeChart {
  draw() {
    const operations = this.model.shown();
    const { bin } = this.model.data;
    const layers = operations.map((operation) => ({
      class: `area s${operation.color}`,
      values: this.bins().map((place) => this.value(operation, "ok", place) / bin),
    }));
    const failed = (place) => operations.reduce((sum, each) => sum + this.value(each, "errors", place), 0);
    layers.push({ class: "area errors", values: this.bins().map((place) => failed(place) / bin) });
    const totals = this.bins().map((place) => layers.reduce((sum, layer) => sum + layer.values[place], 0));
    const highest = totals.reduce((a, b) => Math.max(a, b), 0);
    const height = highest > 0 ? 150 : EMPTY_HEIGHT;
    this.frame(height, { ...TIME_MARGINS, top: 12, bottom: 30 }, "Answers a second over time, errors on top");
    this.backdrop();
    this.times();
    if (highest === 0) {
      this.nothing("No second has an answer or an error.");
      this.cursor = null;
      return;
    }
    this.scale = linearScale(highest, 4);
    this.vertical(this.scale, significant);
    this.hatch();
    let below = totals.map(() => 0);
    for (const layer of layers) {
      const above = below.map((value, place) => value + layer.values[place]);
      if (layer.values.some((value) => value > 0)) this.area(below, above, layer.class);
      below = above;
    }
    this.finish();
  }

  hatch() {
    const id = `hatch-${this.model.index}`;
    const pattern = draw(draw(this.svg, "defs", {}), "pattern", {
      id, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)",
    });
    draw(pattern, "rect", { width: 5, height: 5, class: "hatch-ground" });
    draw(pattern, "rect", { width: 2, height: 5, class: "hatch-line" });
    this.fillOfErrors = `url(#${id})`;
  }

  area(below, above, kind) {
    const point = (value, place) => `${this.middle(place).toFixed(1)} ${this.y(this.scale, value).toFixed(1)}`;
    const path = `M${above.map(point).join("L")}L${below.map(point).reverse().join("L")}Z`;
    const fill = kind === "area errors" ? { fill: this.fillOfErrors } : {};
    draw(this.svg, "path", { d: path, class: kind, ...fill });
    const top = (value, place) => [this.middle(place), this.y(this.scale, value)];
    const rim = above.map((value, place) => (value > below[place] ? top(value, place) : null));
    this.line(rim, { class: kind.replace("area", "rim") });
  }

  reading(place) {
    const { bin } = this.model.data;
    const rows = this.model.shown().map((operation) => {
      const [ok, errors] = ["ok", "errors"].map((column) => this.value(operation, column, place) / bin);
      const value = `${significant(ok)}/s` + (errors > 0 ? ` and ${significant(errors)} errors` : "");
      return { name: operation.name, color: operation.color, value };
    });
    return { x: this.middle(place), title: this.title(place), rows };
  }
}
