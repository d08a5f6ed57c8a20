const EMPTY_HEIGHT = 56;

// What every chart has: a frame, axes, a cursor that mouse, touch and keyboard move, and a read-out.

class Chart {
  constructor(figure, model) {
    this.figure = figure;
    this.model = model;
    this.plot = figure.querySelector(".plot");
    this.plot.replaceChildren();
    this.tip = document.createElement("div");
    this.tip.className = "tip";
    this.tip.hidden = true;
    this.spoken = document.createElement("p");
    this.spoken.className = "hidden";
    this.spoken.setAttribute("aria-live", "polite");
    this.svg = draw(this.plot, "svg", { tabindex: "0", role: "img" });
    this.plot.append(this.tip, this.spoken);
    this.svg.addEventListener("pointermove", (event) => this.point(event));
    this.svg.addEventListener("pointerdown", (event) => this.point(event));
    this.svg.addEventListener("pointerleave", () => this.model.moveTo(this, null));
    this.svg.addEventListener("blur", () => this.model.moveTo(this, null));
    this.svg.addEventListener("keydown", (event) => this.key(event));
  }

  /** Begins a drawing of this many pixels above the axis. */
  frame(height, margins, label) {
    this.width = Math.max(240, this.plot.clientWidth);
    this.height = height;
    this.left = margins.left;
    this.top = margins.top;
    this.inner = this.width - margins.left - margins.right;
    const whole = margins.top + height + margins.bottom;
    this.svg.replaceChildren();
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${whole}`);
    this.svg.setAttribute("width", this.width);
    this.svg.setAttribute("height", whole);
    this.svg.setAttribute("aria-label", label);
  }

  /** Horizontal lines and their labels. */
  vertical(scale, words) {
    for (const tick of scale.ticks) {
      const y = this.y(scale, tick.value);
      const attributes = { x1: this.left, x2: this.left + this.inner, y1: y, y2: y };
      draw(this.svg, "line", { ...attributes, class: tick.labelled ? "grid" : "grid faint" });
      if (!tick.labelled) continue;
      draw(this.svg, "text", { x: this.left - 8, y: y + 4, class: "tick end" }, words(tick.value));
    }
  }

  y(scale, value) {
    return this.top + this.height * (1 - Math.min(1, Math.max(0, scale.at(value))));
  }

  baseline() {
    const y = this.top + this.height + 0.5;
    draw(this.svg, "line", { x1: this.left, x2: this.left + this.inner, y1: y, y2: y, class: "axis" });
  }

  tick(x, text, anchor = "middle") {
    const y = this.top + this.height;
    draw(this.svg, "line", { x1: x, x2: x, y1: y, y2: y + 5, class: "axis" });
    draw(this.svg, "text", { x, y: y + 18, class: `tick ${anchor}` }, text);
  }

  nothing(text) {
    draw(this.svg, "text", { x: this.width / 2, y: this.top + this.height / 2, class: "tick middle empty" }, text);
  }

  /** `points` are [x, y] or null where the line breaks. */
  line(points, attributes) {
    let path = "";
    let open = false;
    points.forEach((point, index) => {
      if (point) {
        path += `${open ? "L" : "M"}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
        // A point between two gaps would not be seen.
        if (!open && !points[index + 1]) path += "h0.1";
      }
      open = point !== null;
    });
    if (path) draw(this.svg, "path", { ...attributes, d: path });
  }

  /** Ends a drawing: what follows the cursor lies on top. */
  finish() {
    this.cursor = draw(this.svg, "g", { class: "cursor" });
    this.cursor.setAttribute("visibility", "hidden");
    this.rule = draw(this.cursor, "line", { y1: this.top, y2: this.top + this.height });
    this.tip.hidden = true;
  }

  point(event) {
    const box = this.svg.getBoundingClientRect();
    const x = (event.clientX - box.left) * (this.width / box.width);
    this.model.moveTo(this, this.nearest(x), false);
  }

  key(event) {
    const places = this.places();
    if (!places) return;
    const step = event.shiftKey ? 10 : 1;
    const now = this.place ?? -1;
    const next = {
      ArrowRight: Math.min(places - 1, now + step), ArrowLeft: Math.max(0, now - step), Home: 0, End: places - 1,
    }[event.key];
    if (next === undefined && event.key !== "Escape") return;
    event.preventDefault();
    this.model.moveTo(this, next ?? null, true);
  }

  /** Shows the cursor at a place that `nearest` gave; the read-out too when this chart is the one pointed at. */
  show(place, isOurs, speaks) {
    this.place = place;
    if (!this.cursor) return;
    this.cursor.querySelectorAll("circle").forEach((circle) => circle.remove());
    if (place === null) {
      this.cursor.setAttribute("visibility", "hidden");
      this.tip.hidden = true;
      return;
    }
    const found = this.reading(place);
    this.cursor.setAttribute("visibility", "visible");
    this.rule.setAttribute("x1", found.x);
    this.rule.setAttribute("x2", found.x);
    for (const row of found.rows) {
      if (row.y !== undefined) draw(this.cursor, "circle", { cx: found.x, cy: row.y, r: 3.5, class: `s${row.color}` });
    }
    this.tip.hidden = !isOurs;
    if (isOurs) this.fill(found, speaks);
  }

  fill(found, speaks) {
    const title = document.createElement("b");
    title.textContent = found.title;
    const rows = found.rows.map((row) => {
      const line = document.createElement("div");
      const key = document.createElement("i");
      key.className = `key s${row.color}`;
      const value = document.createElement("span");
      value.textContent = row.value;
      line.append(key, row.name, value);
      return line;
    });
    this.tip.replaceChildren(title, ...rows);
    const room = this.plot.clientWidth - this.tip.offsetWidth - 4;
    const beside = found.x + 14 > room ? found.x - this.tip.offsetWidth - 14 : found.x + 14;
    this.tip.style.left = `${Math.max(0, Math.min(room, beside))}px`;
    this.tip.style.top = `${this.top + 4}px`;
    const words = [found.title, ...found.rows.map((row) => `${row.name} ${row.value}`)];
    if (speaks) this.spoken.textContent = words.join(", ");
  }
}
