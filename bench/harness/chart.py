"""The bar chart: one group a job, one bar a program, each group on its own scale."""

from __future__ import annotations

from html import escape

from .summary import Data

WIDTH = 1000
MARGIN = 24
LABEL = 190  # where bars start inside a column
VALUE = 86  # kept free right of the longest bar
BAR = 13
STEP = 18
TITLE = 26
GAP = 16
GUTTER = 40
COLUMN = (WIDTH - 2 * MARGIN - GUTTER) // 2

COLOURS = {"ours": "#c2410c", "peer": "#64748b", "limit": "#cbd5e1"}
LEGEND = {"ours": "Trunkline", "peer": "peer", "limit": "load generator (a limit, not a library)"}


def text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def shown(job: Data) -> list[Data]:
    """Best first; where less is better, least first."""
    rows = [row for row in job["programs"] if "figure" in row]
    return sorted(rows, key=lambda row: float(row["figure"]), reverse=job["unit"] != "KiB")


def height(job: Data) -> int:
    return TITLE + STEP * len(shown(job)) + GAP


def group(job: Data, x: int, y: int) -> list[str]:
    rows = shown(job)
    scale = max(float(row["figure"]) for row in rows) or 1.0
    lines = [
        text(x, y + 13, job["title"], "title"),
    ]
    top = y + TITLE
    for row in rows:
        figure = float(row["figure"])
        length = max(1.0, (COLUMN - LABEL - VALUE) * figure / scale)
        colour = COLOURS[row["role"]]
        strong = " strong" if row["role"] == "ours" else ""
        lines.append(text(x + LABEL - 8, top + 11, row["name"], "label" + strong, "end"))
        lines.append(
            f'<rect x="{x + LABEL}" y="{top}" width="{length:.1f}" height="{BAR}" rx="2" fill="{colour}"/>'
        )
        value = f"{figure:,.0f}"
        if row is rows[0] and "/s" not in job["unit"].replace("MiB/s", ""):
            value += f" {job['unit']}" + (", less is better" if job["unit"] == "KiB" else "")
        if row["errors"]:
            value += f" ({row['errors']} errors)"
        lines.append(text(x + LABEL + length + 6, top + 11, value, "value" + strong))
        top += STEP
    return lines


def chart(result: Data) -> str:
    jobs = [job for job in result["jobs"] if shown(job)]
    tops = [92, 92]
    body: list[str] = []
    for job in jobs:
        column = 0 if tops[0] <= tops[1] else 1
        x = MARGIN + column * (COLUMN + GUTTER)
        body += group(job, x, tops[column])
        tops[column] += height(job)
    total = max(tops) + 8
    machine = result["machine"]
    head = [
        text(MARGIN, 36, "Trunkline and its peers, side by side", "head"),
        text(
            MARGIN,
            56,
            f"{result['date']}, {machine['cpus']} CPUs ({machine['cpu']}), loopback; requests or messages "
            "a second unless a unit is given, median of the rounds",
            "note",
        ),
    ]
    left = float(MARGIN)
    for role, words in LEGEND.items():
        head.append(
            f'<rect x="{left:g}" y="67" width="12" height="12" rx="2" fill="{COLOURS[role]}"/>'
        )
        head.append(text(left + 18, 77, words, "note"))
        left += 44 + 6.4 * len(words)
    style = (
        "text{font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#0f172a}"
        ".head{font-size:20px;font-weight:600}.note{font-size:12px;fill:#475569}"
        ".title{font-size:13px;font-weight:600}.label{font-size:12px}.value{font-size:12px;fill:#334155}"
        ".strong{font-weight:600;fill:#9a3412}"
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{total}" '
            f'viewBox="0 0 {WIDTH} {total}" role="img" aria-label="Bar chart of the bench">',
            f"<style>{style}</style>",
            f'<rect width="{WIDTH}" height="{total}" fill="#ffffff"/>',
            *head,
            *body,
            "</svg>",
            "",
        ]
    )
