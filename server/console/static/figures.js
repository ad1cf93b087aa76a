// Bars for the figures: the numbers stand in the table beside each picture, this only draws them. Colours come from the sheet's variables.
"use strict";

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function draw(box) {
  const data = JSON.parse(box.dataset.chart);
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  box.style.height = `${Math.max(10, data.names.length * (data.series.length > 1 ? 3.4 : 2) + 3) * rem}px`;
  const chart = echarts.getInstanceByDom(box) || echarts.init(box);
  const text = { color: token("--ink"), fontSize: 0.85 * rem, fontFamily: getComputedStyle(document.body).fontFamily };
  const longest = Math.max(...data.names.map((name) => name.length));
  chart.setOption({
    animation: false,
    textStyle: text,
    aria: { enabled: true, label: { enabled: false }, decal: { show: data.series.length > 1 } },
    tooltip: { renderMode: "richText" },
    grid: { left: (longest + 1) * 0.85 * rem, right: 4.5 * rem, top: 0.5 * rem, bottom: 2 * rem },
    xAxis: { type: "value", min: 0, max: data.most, minInterval: 1, axisLabel: text, splitLine: { lineStyle: { color: token("--line") } } },
    yAxis: { type: "category", inverse: true, data: data.names, axisLabel: { ...text, interval: 0 }, axisTick: { show: false }, axisLine: { lineStyle: { color: token("--field-line") } } },
    series: data.series.map((one, at) => ({
      type: "bar",
      name: one.name,
      data: one.values,
      barMaxWidth: 1.2 * rem,
      itemStyle: { color: token(`--chart-${at + 1}`), decal: at === 0 ? { symbol: "none" } : { symbol: "rect", color: token("--paper"), dashArrayX: [1, 0], dashArrayY: [2, 4], rotation: -Math.PI / 4 } },
      label: { ...text, show: true, position: "right", formatter: (bar) => (bar.value === null || bar.value === undefined ? "" : `${bar.value}${data.unit}`) },
    })),
  }, true);
  chart.resize();
}

const boxes = () => document.querySelectorAll("[data-chart]");
const redraw = () => boxes().forEach(draw);
redraw();
let waiting = 0;
const again = new ResizeObserver(() => { clearTimeout(waiting); waiting = setTimeout(redraw, 150); }); // a narrower window or larger print
boxes().forEach((box) => again.observe(box));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
