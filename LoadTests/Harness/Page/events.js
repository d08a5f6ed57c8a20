// What happened: phases of an attack and faults as bars, moments as points, in as many rows as they need.

class EventChart extends TimeChart {
  draw() {
    this.width = Math.max(240, this.plot.clientWidth);
    this.left = TIME_MARGINS.left;
    this.inner = this.width - TIME_MARGINS.left - TIME_MARGINS.right;
    const rows = this.rows();
    const text = this.model.data.events.map((event) => `${clock(event.at)} ${event.text}`).join("; ");
    this.frame(rows.length * 26 + 4, { ...TIME_MARGINS, top: 4, bottom: 4 }, `What happened: ${text}`);
    if (this.model.data.start < 0) {
      const [x, end] = [this.x(this.model.data.start), this.x(0)];
      draw(this.svg, "rect", { x, y: this.top, width: end - x, height: this.height, class: "warmup" });
    }
    rows.forEach((row, index) => row.forEach((item) => this.item(item, this.top + 2 + index * 26)));
    this.finish();
  }

  /** Greedy: each event goes into the first row in which it and its text have room. */
  rows() {
    const rows = [];
    for (const event of this.model.data.events) {
      const item = this.placed(event);
      const row = rows.find((each) => each[each.length - 1].right + 10 < item.leftmost);
      if (row) row.push(item);
      else rows.push([item]);
    }
    return rows;
  }

  placed(event) {
    const { start, end } = this.model.data;
    const x = this.x(Math.max(start, event.at));
    const isBar = event.until !== null;
    const barEnd = isBar ? Math.max(x + 3, this.x(Math.min(end, event.until))) : x + 6;
    const before = x - (isBar ? 6 : 12);
    const rooms = [
      { at: x + 8, anchor: "start", room: isBar ? barEnd - x - 14 : 0 },
      { at: barEnd + 6, anchor: "start", room: this.left + this.inner - barEnd - 6 },
      { at: before, anchor: "end", room: before - this.left },
    ];
    // The first that has room for all, else the widest.
    const whole = event.text.length * 6.6;
    const widest = rooms.reduce((best, each) => (each.room > best.room ? each : best));
    const { at, anchor, room } = rooms.find((each) => each.room >= whole) ?? widest;
    const words = shortened(event.text, Math.floor(room / 6.6));
    const width = words.length * 6.6;
    const leftmost = anchor === "end" ? at - width : x - 6;
    const right = anchor === "end" ? barEnd : Math.max(barEnd, at + width);
    return { event, x, barEnd, isBar, at, anchor, words, leftmost, right };
  }

  item(item, y) {
    if (item.isBar) {
      draw(this.svg, "rect", { x: item.x, y, width: item.barEnd - item.x, height: 20, rx: 4, class: "bar" });
    } else {
      draw(this.svg, "path", { d: `M${item.x} ${y + 4}l6 6l-6 6l-6 -6Z`, class: "diamond" });
    }
    const text = draw(this.svg, "text", { x: item.at, y: y + 14, class: `label ${item.anchor}` }, item.words);
    draw(text, "title", {}, item.event.text);
  }

  reading(place) {
    const { start, bin, events } = this.model.data;
    const [from, to] = [start + place * bin, start + (place + 1) * bin];
    const rows = events.filter((event) => event.at < to && (event.until ?? event.at) >= from)
      .map((event) => ({ name: event.text, color: "-event", value: "" }));
    return { x: this.middle(place), title: this.title(place), rows };
  }
}

function shortened(text, length) {
  return text.length <= length ? text : `${text.slice(0, Math.max(1, length - 1))}…`;
}
