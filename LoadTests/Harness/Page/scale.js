"use strict";

// Numbers in words, ticks of axes, and elements of SVG.

const SVG = "http://www.w3.org/2000/svg";

function draw(parent, name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

function significant(value) {
  if (value >= 99.95) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}

/** Of microseconds. */
function duration(value) {
  if (value < 0.9995) return `${Math.round(value * 1000)} ns`;
  if (value < 999.5) return `${significant(value)} us`;
  if (value < 999500) return `${significant(value / 1e3)} ms`;
  return `${significant(value / 1e6)} s`;
}

/** Of seconds. */
function clock(value) {
  const whole = Math.floor(Math.abs(value));
  const sign = value <= -1 ? "-" : "";
  const two = (number) => String(number).padStart(2, "0");
  if (whole < 3600) return `${sign}${Math.floor(whole / 60)}:${two(whole % 60)}`;
  return `${sign}${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/** Of nines: 3 is 99.9 %. */
function percentile(nines) {
  const digits = Math.max(0, Math.ceil(nines - 1e-9) - 2) + (nines % 1 > 0.001 ? 1 : 0);
  return `${Number((100 - 100 * 10 ** -nines).toFixed(Math.min(8, digits + 1)))} %`;
}

/** A logarithmic scale around values above 0: `at` gives 0...1, `ticks` those with a label and those without. */
function logScale(low, high) {
  const steps = [1, 2, 5];
  const below = 10 ** Math.floor(Math.log10(low));
  let from = steps.map((step) => step * below).filter((value) => value <= low * 1.0001).pop();
  let to = steps.concat(10, 20, 50, 100).map((step) => step * 10 ** Math.floor(Math.log10(high)))
    .find((value) => value >= high * 0.9999);
  if (to / from < 9) {
    from = from / 2;
    to = to * 2;
  }
  const decades = Math.log10(to / from);
  const ticks = [];
  for (let power = Math.floor(Math.log10(from)); power <= Math.log10(to) + 1e-9; power += 1) {
    for (const step of steps) {
      const value = step * 10 ** power;
      if (value < from * 0.999 || value > to * 1.001) continue;
      ticks.push({ value, labelled: step === 1 || decades < 2.2 });
    }
  }
  return { from, to, ticks, at: (value) => Math.log10(value / from) / decades };
}

/** From 0 to a round number. */
function linearScale(high, count) {
  const rough = Math.max(high, 1e-9) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((value) => value >= rough * 0.9999);
  const to = Math.max(step, Math.ceil(high / step - 1e-9) * step);
  const ticks = [];
  for (let index = 0; index * step <= to * 1.0001; index += 1) ticks.push({ value: index * step, labelled: true });
  return { from: 0, to, ticks, at: (value) => value / to };
}

/** Seconds between two ticks, when at most `count` have room. */
function timeStep(seconds, count) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
  return steps.find((step) => seconds / step <= count) ?? steps[steps.length - 1];
}
