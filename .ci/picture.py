"""Draws the README's picture of a run: its first command, and the last lines of it, as they appear.

    python3 .ci/picture.py      # writes cmd/fragua/guide/quickstart.svg from README.md
"""
import os
import re
from html import escape

home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
readme = open(f"{home}/README.md", encoding="utf-8").read()
block = re.search(r"The last lines of the first command:\n\n```\n(.*?)```", readme, re.S)[1].splitlines()

WIDE, ROW, CELL, LEFT, TOP = 112, 21, 8.05, 18, 52  # characters a line; pixels


def cut(line):
    return line if len(line) <= WIDE else line[: WIDE - 1] + "…"


lines = ["$ fragua run quickstart"] + [cut(l) for l in block]
colors = {"$": "#e8e6e3", "corpus": "#7fb2e5", "unique": "#7fb2e5", "split": "#7fb2e5", "base": "#e5b567", "sentiment": "#b6d47a", "translation": "#d49ad4", "hard": "#d49ad4"}
height = TOP + ROW * len(lines) + 8
width = int(2 * LEFT + CELL * WIDE)
out = [
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="t" font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,\'DejaVu Sans Mono\',monospace" font-size="13.4">',
    '<title id="t">A terminal in which fragua runs the quickstart: the counts of each stage, then each figure beside its baseline</title>',
    "<style>g{animation:a .2s both}@keyframes a{from{opacity:0}}@media(prefers-reduced-motion:reduce){g{animation:none}}</style>",
    f'<rect width="{width}" height="{height}" rx="8" fill="#1d1f21"/>',
    *(f'<circle cx="{22 + 20 * i}" cy="22" r="6" fill="{c}"/>' for i, c in enumerate(("#ff5f56", "#ffbd2e", "#27c93f"))),
]
for i, line in enumerate(lines):
    word = line.split(" ")[0]
    y = TOP + ROW * i + 6
    begin = 0 if i == 0 else 0.6 + 0.25 * i
    rest = escape(line[len(word):])
    out.append(f'<g style="animation-delay:{begin:.2f}s"><text x="{LEFT}" y="{y}" xml:space="preserve" fill="#c5c8c6"><tspan fill="{colors.get(word, "#c5c8c6")}">{escape(word)}</tspan>{rest}</text></g>')
out.append("</svg>\n")
with open(f"{home}/cmd/fragua/guide/quickstart.svg", "w", encoding="utf-8") as f:
    f.write("\n".join(out))
