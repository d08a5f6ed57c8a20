// Latency by percentile, on HdrHistogram's axis: each nine has the same width.

class PercentileChart extends Chart {
  draw() {
    const operations = this.model.shown();
    const lines = operations.map((operation) => ({ operation, points: operation.curve, class: "line thick" }));
    if (this.model.showsService) {
      lines.push(...operations.map((operation) => ({ operation, points: operation.service, class: "line dashed" })));
    }
    const drawn = lines.filter((line) => line.points[0].length > 0);
    const names = operations.map((operation) => operation.name).join(", ");
    const height = !drawn.length ? EMPTY_HEIGHT : this.plot.clientWidth < 520 ? 240 : 300;
    this.frame(height, { left: 62, right: 18, top: 14, bottom: 46 }, `Latency by percentile of ${names}`);
    this.curves = drawn.filter((line) => line.points === line.operation.curve);
    if (!drawn.length) {
      this.nothing("No request succeeded.");
      this.baseline();
      this.cursor = null;
      return;
    }
    const values = drawn.flatMap((line) => line.points[1]).filter((value) => value > 0);
    this.scale = logScale(Math.min(...values), Math.max(...values));
    this.nines = Math.max(2, Math.max(...drawn.map((line) => line.points[0][line.points[0].length - 1])));
    this.vertical(this.scale, duration);
    this.percents();
    for (const line of drawn) {
      const points = line.points[0].map((nines, index) => [this.x(nines), this.y(this.scale, line.points[1][index])]);
      this.line(points, { class: `${line.class} s${line.operation.color}` });
      const [x, y] = points[points.length - 1];
      const isCurve = line.points === line.operation.curve;
      if (isCurve) draw(this.svg, "circle", { cx: x, cy: y, r: 2.5, class: `tail s${line.operation.color}` });
    }
    this.finish();
  }

  x(nines) {
    return this.left + (this.inner * nines) / this.nines;
  }

  percents() {
    this.baseline();
    const ticks = [0, -Math.log10(0.5)];
    for (let nines = 1; nines <= this.nines + 0.001; nines += 1) ticks.push(nines);
    for (const nines of ticks) {
      const x = this.x(nines);
      draw(this.svg, "line", { x1: x, x2: x, y1: this.top, y2: this.top + this.height, class: "grid faint" });
      this.tick(x, percentile(nines).replace(" %", ""), nines === 0 ? "start" : "middle");
    }
    const place = { x: this.left + this.inner, y: this.top + this.height + 38, class: "tick end" };
    draw(this.svg, "text", place, "per cent of requests that took at most this");
  }

  places() {
    return this.cursor ? Math.round(this.nines * 20) + 1 : 0;
  }

  nearest(x) {
    if (!this.cursor) return null;
    const place = Math.round(((x - this.left) / this.inner) * this.nines * 20);
    return Math.min(this.places() - 1, Math.max(0, place));
  }

  reading(place) {
    const nines = place / 20;
    const rows = this.curves.map(({ operation, points }) => {
      const found = points[0].findIndex((point) => point >= nines - 0.0005);
      const value = points[1][found < 0 ? points[1].length - 1 : found];
      return { name: operation.name, color: operation.color, value: duration(value), y: this.y(this.scale, value) };
    });
    return { x: this.x(nines), title: percentile(nines), rows };
  }
}
