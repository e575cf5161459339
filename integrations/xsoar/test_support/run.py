"""Runs one command of the integration: JSON {command, params, args, lastRun} in, what XSOAR was given out."""

import json
import pathlib
import sys

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent)]

import demistomock  # noqa: E402
import FeedIndicatorFeedServer  # noqa: E402


def main():
    given = json.load(sys.stdin)
    demistomock.start(given["command"], given.get("params"), given.get("args"), given.get("lastRun"))
    failure = None
    try:
        FeedIndicatorFeedServer.main()
    except SystemExit:
        pass
    except Exception as error:
        failure = str(error)
    state = demistomock.state
    results = [each if isinstance(each, (str, dict)) else vars(each) for each in state["results"]]
    told = {"results": results, "batches": state["batches"], "lastRun": state["last_run"], "log": state["log"]}
    json.dump({**told, "failure": failure}, sys.stdout)


main()
