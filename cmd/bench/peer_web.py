"""Finds the main text of pages with trafilatura.

Each line on standard input is a JSON string, a page in base64; each line on standard output
is its text and the CPU seconds that it took. The first line is the name and version of the peer.
"""
import base64
import json
import sys
import time

import trafilatura

print(json.dumps("trafilatura " + trafilatura.__version__), flush=True)
for line in sys.stdin:
    page = base64.b64decode(json.loads(line))
    start = time.process_time()
    text = trafilatura.extract(page, include_comments=False, include_tables=True)
    print(json.dumps({"text": text or "", "seconds": time.process_time() - start}), flush=True)
