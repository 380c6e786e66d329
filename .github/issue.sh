#!/usr/bin/env bash
# issue.sh TITLE FILE: open an issue with the end of a file, or add it to the open issue of that title.
set -euo pipefail
said=$(mktemp)
{ echo "$RUN_ADDRESS"; echo '```'; tail -n 100 "$2" | tail -c 50000; echo '```'; } > "$said"
number=$(gh issue list --state open --limit 200 --json number,title |
  python3 -c 'import json, sys; print(next((i["number"] for i in json.load(sys.stdin) if i["title"] == sys.argv[1]), ""))' "$1")
if [ -n "$number" ]; then
  gh issue comment "$number" --body-file "$said"
else
  gh issue create --title "$1" --body-file "$said"
fi
