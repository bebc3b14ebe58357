"""The style sheet of the page that ``cfglint --verify --output html=FILE`` writes: light and dark, made to print."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #60646c; --line: #d9d9e0; --paper: #fff; --card: #f9f9fb;
  --as_configured: #c2410c; --as_fixed: #1d6fd8; --healthy: #2c8a4b; }
@media (prefers-color-scheme: dark) { :root { --ink: #edeef0; --soft: #b0b4ba; --line: #363a3f; --paper: #111113;
  --card: #18191b; --as_configured: #ff9a5c; --as_fixed: #70b8ff; --healthy: #65ba74; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 980px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 0 0 2px; overflow-wrap: anywhere; }
h3 { font-size: 14px; margin: 10px 0 0; }
p { margin: 6px 0; } .lead { max-width: 75ch; }
.where, .setup, .key, .packages, figcaption, .statistic { color: var(--soft); font-size: 13px; }
.packages span { display: inline-block; margin-right: 14px; } .packages b { font-weight: 600; }
section { border: 1px solid var(--line); border-radius: 8px; background: var(--card); padding: 16px 18px; margin: 18px 0; }
.badge { display: inline-block; border-radius: 10px; padding: 1px 9px; font: 600 12px/1.5 system-ui, sans-serif;
  vertical-align: 2px; color: #fff; background: #6b6f76; white-space: nowrap; }
.badge.confirmed { background: #b42318; } .badge.not_reproduced { background: #2c7a45; }
.badge.fix_ineffective { background: #7a3db8; } .badge.unstable { background: #9a6700; }
table { border-collapse: collapse; margin: 10px 0; font-size: 13px; }
td, th { text-align: left; padding: 3px 14px 3px 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.overview { width: 100%; } .statistic { margin-bottom: -6px; }
.arms { display: grid; grid-template-columns: repeat(var(--arms), minmax(180px, 300px)); gap: 2px 12px; overflow-x: auto; }
figure { margin: 0; } figcaption { margin-left: 2px; } svg { display: block; width: 100%; height: auto; }
.as_configured { --arm: var(--as_configured); } .as_fixed { --arm: var(--as_fixed); } .healthy { --arm: var(--healthy); }
h3, .readings tr td:first-child { color: var(--arm, inherit); } .readings td:first-child { font-weight: 600; }
.grid { stroke: var(--line); } text { font: 11px system-ui, sans-serif; fill: var(--soft); }
.tick { text-anchor: end; } .step, .lost { text-anchor: middle; } .lost { fill: var(--arm); font-weight: 600; }
.run { fill: none; stroke: var(--arm); stroke-linejoin: round; }
.rank0 { stroke-width: 1.8; opacity: .75; } .rank1, .rank2 { stroke-width: 1.5; stroke-dasharray: 5 4; stroke: var(--ink); }
.rank2 { stroke-dasharray: 1 4; }
.two .rank0 { stroke-width: 4; opacity: .45; }
.dot { fill: var(--arm); opacity: .8; } .ring { fill: none; stroke: var(--arm); stroke-width: 1.6; } .cross { stroke: var(--arm); stroke-width: 1.8; fill: none; }
.none { color: var(--soft); font-size: 13px; margin: 30px 0 30px 50px; }
code { font: 12.5px ui-monospace, monospace; overflow-wrap: anywhere; } .raised { padding-left: 18px; font-size: 13px; }
details { margin: 8px 0; font-size: 13px; } summary { cursor: pointer; color: var(--soft); } .repeat { font-size: 13px; }
@media print { section { break-inside: avoid; } }
"""
