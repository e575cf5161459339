"""Stands in for XSOAR: what it would give the integration, and what it was given."""

state = {}


def start(command, params=None, args=None, last_run=None):
    """Forgets what was before."""
    state.clear()
    state.update(
        command=command,
        params=params or {},
        args=args or {},
        last_run=last_run or {},
        batches=[],
        results=[],
        log=[],
    )


def command():
    return state["command"]


def params():
    return state["params"]


def args():
    return state["args"]


def getLastRun():
    return dict(state["last_run"])


def setLastRun(value):
    state["last_run"] = value


def createIndicators(indicators_batch, noUpdate=False):
    state["batches"].append({"indicators": list(indicators_batch), "noUpdate": noUpdate})


def results(entry):
    state["results"].append(entry)


def debug(text):
    state["log"].append(text)


info = error = debug
