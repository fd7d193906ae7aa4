/** The page's look, light and dark: no file beside it, no font from elsewhere. */
export const pageStyle: string = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf8; --card: #ffffff; --ink: #1d2430; --soft: #667085; --rule: #e4e2dc;
  --c0: #0e7c66; --c1: #8a94a6; --c2: #d9822b; --c3: #b4571f; --c4: #3f6fb5; --c5: #8b5fbf; --c6: #c0488a; --c7: #7a8b2f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161c; --card: #1a2029; --ink: #e8eaed; --soft: #98a2b3; --rule: #2c3440;
    --c0: #2fc9a6; --c1: #7b8798; --c2: #f0a04b; --c3: #d57a42; --c4: #6f9fe8; --c5: #b08be0; --c6: #e277b3; --c7: #b3c556;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 40px 24px 80px; }
h1 { font-size: 34px; line-height: 1.15; margin: 0 0 6px; letter-spacing: -0.02em; }
h2 { font-size: 21px; margin: 52px 0 4px; letter-spacing: -0.01em; }
h3 { font-size: 15px; margin: 24px 0 10px; font-weight: 600; }
p { margin: 0 0 14px; color: var(--soft); max-width: 76ch; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 14px; margin: 30px 0 10px; }
.tile { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 16px 18px; }
.tile b { display: block; font-size: 27px; line-height: 1.2; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 13px; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 22px 22px 16px; margin: 14px 0; overflow-x: auto; }
.card h3 { margin-top: 0; }
svg { width: 100%; min-width: 720px; height: auto; display: block; font: 13px system-ui, "DejaVu Sans", sans-serif; }
svg text { fill: var(--ink); font-variant-numeric: tabular-nums; }
svg .value { font-weight: 600; }
svg .note, svg .tick { fill: var(--soft); }
svg .note { font-size: 11.5px; }
svg .grid { stroke: var(--rule); stroke-width: 1; fill: none; }
svg .whisker { stroke: var(--ink); stroke-width: 1.3; opacity: 0.55; fill: none; }
svg .line { fill: none; stroke-width: 2.4; stroke-linejoin: round; }
.dash-1 { stroke-dasharray: 7 4; } .dash-2 { stroke-dasharray: 2 4; }
${Array.from({ length: 8 }, (_, i) => `.fill-${i} { fill: var(--c${i}); } .stroke-${i} { stroke: var(--c${i}); } svg .text-${i} { fill: var(--c${i}); font-weight: 600; } .key-${i} { background: var(--c${i}); }`).join("\n")}
.legend { display: flex; flex-wrap: wrap; gap: 6px 18px; margin: 0 0 14px; font-size: 13px; color: var(--soft); }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 6px; vertical-align: -1px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 6px 10px; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td.settings { text-align: left; white-space: normal; color: var(--soft); min-width: 320px; font-size: 12px; }
details { margin: 10px 0 4px; } summary { cursor: pointer; color: var(--soft); font-size: 13px; }
footer { margin-top: 60px; color: var(--soft); font-size: 13px; border-top: 1px solid var(--rule); padding-top: 16px; }
code { font: 13px ui-monospace, "DejaVu Sans Mono", monospace; }
`;
