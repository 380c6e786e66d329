"use strict";
// What the self-contained pages share.

const $ = (id) => document.getElementById(id);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function canvas(id, height) { // sharp on any screen: one unit is one CSS pixel
  const element = $(id), width = element.clientWidth, ratio = window.devicePixelRatio || 1;
  element.style.height = `${height(width)}px`;
  element.width = Math.round(width * ratio);
  element.height = Math.round(height(width) * ratio);
  const g = element.getContext("2d");
  g.scale(ratio, ratio);
  g.font = "13px system-ui, 'Segoe UI', 'Liberation Sans', Arial, sans-serif";
  g.fillStyle = colour("ink");
  return [g, width, height(width)];
}
