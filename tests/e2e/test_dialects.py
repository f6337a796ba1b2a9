"""What users of other APIs type works against the demo model: every curl line of their pages."""
import common
from curl_lines import documented

PAGES = {"docs/anthropic.md": "8000", "docs/ollama.md": "11434", "docs/conrwkv.md": "8000"}


def main():
    args = common.parse_args()
    with common.Server(args, None) as server:
        for page, port in PAGES.items():
            documented(args, server, page, port)


main()
