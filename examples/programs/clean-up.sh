#!/bin/sh
# Handles cache.clean: the payload is a number of days, and CACHE the directory.
set -eu

[ -d "${CACHE:-}" ] || { echo "CACHE names no directory" >&2; exit 78; } # EX_CONFIG
read -r days || true # a payload has no newline at its end
case $days in
'' | *[!0-9]*) echo "no number of days: $days" >&2; exit 65 ;; # EX_DATAERR
esac
# exec leaves no shell between the worker's SIGTERM and the program.
exec find "$CACHE" -type f -mtime "+$days" -delete
