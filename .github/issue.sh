#!/usr/bin/env bash
# issue.sh TITLE FILE: open an issue with the end of a file, or add it to the open issue of that title.
set -euo pipefail
said=$(mktemp)
# indented, each line: nothing that a log says is read as Markdown
{ echo "$RUN_ADDRESS"; echo; tr '\r' '\n' < "$2" | tail -n 100 | tail -c 50000 | sed 's/^/    /'; } > "$said"
number=$(gh issue list --state open --limit 200 --json number,title |
  python3 -c 'import json, sys; print(next((i["number"] for i in json.load(sys.stdin) if i["title"] == sys.argv[1]), ""))' "$1")
if [ -n "$number" ]; then
  gh issue comment "$number" --body-file "$said"
else
  gh issue create --title "$1" --body-file "$said"
fi
