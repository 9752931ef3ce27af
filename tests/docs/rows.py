"""Programs around the cells of tables whose rows are examples; see run_examples.py."""

from __future__ import annotations

import re

BEGINNING = """
#include <stdio.h>
#include <stdlib.h>
#include <trunkline.h>

static void try(trunk_status status)
{
    if (status != TRUNK_OK) {
        trunk_view name = trunk_status_name(status), message = trunk_last_error_message();
        fprintf(stderr, "%.*s: %.*s\\n", (int)name.size, (const char *)name.data, (int)message.size,
                (const char *)message.data);
        exit(1);
    }
}
"""
PROGRAM = """
int main(void)
{{
    trunk_manager_options *options;
    trunk_request_options *request;
    trunk_manager *manager;
    trunk_request *sent;
    const trunk_part *part;
    try(trunk_manager_options_new(&options));
{before}
    try(trunk_manager_new(options, &manager));
    try(trunk_manager_submit_recv(manager, request, &sent));
    do {{
        try(trunk_request_recv(sent, 10000, &part));
{within}
    }} while (!trunk_part_is_terminal(part));
    try(trunk_part_error(part));
    try(trunk_manager_free(manager));
    return 0;
}}
"""
GET = 'trunk_request_options_new(trunk_text("GET"), trunk_text("https://example.org/"), &request)'
PYTHON = """
import trunkline
from trunkline import *

with trunkline.Client() as client:
    {cell}
"""
COLUMNS = {"Trunkline C": "c", "Trunkline command": "sh", "Trunkline Python": "python"}


def row_source(language: str, code: str) -> str:
    """A program of its own around the code of a cell."""
    if language == "sh":
        return code + "\n"
    if language == "python":
        return PYTHON.format(cell=code)
    calls = [call.strip() for call in code.split(";")]
    before = [call for call in calls if not re.search(r"\bpart\b", call)]
    if "trunk_request_options_new" not in code:
        before.insert(0, GET)
    return BEGINNING + PROGRAM.format(
        before="\n".join(f"    try({call});" for call in before),
        within="\n".join(f"        (void){call};" for call in calls if call not in before),
    )
