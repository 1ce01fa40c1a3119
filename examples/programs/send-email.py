#!/usr/bin/env python3
"""Handles email.welcome: the payload is {"user": 7}, on stdin."""
import json
import os
import sys


def main():
    try:
        user = int(json.load(sys.stdin)["user"])
    except (ValueError, KeyError, TypeError) as problem:
        print(f"the payload names no user: {problem!r}", file=sys.stderr)
        return os.EX_DATAERR  # 65: no retry can mend it

    # Whatever else goes wrong is tried again: a traceback is exit status 1, and its end the error.
    # The ID is the same in each attempt: let whoever must not do a thing twice look for it.
    print(f"mail to user {user}, task {os.environ['WARREN_TASK_ID']},"
          f" attempt {os.environ['WARREN_ATTEMPT']}", file=sys.stderr)
    return os.EX_OK


sys.exit(main())
