import demistomock as demisto  # noqa: F401
from CommonServerPython import *  # noqa: F401
from CommonServerUserPython import *  # noqa: F401

import hashlib
import json
import re
import tempfile
from typing import Any, Dict, Iterable, Iterator, List, Optional
from urllib.parse import quote

import urllib3

urllib3.disable_warnings()

""" CONSTANTS """

# As many as XSOAR takes in one call of createIndicators; a page of the server is one such batch.
BATCH_SIZE = 2000
# Pages wait on disk beyond this, so that a big snapshot needs the memory of one page.
MEMORY_BYTES = 32 * 1024 * 1024
# Every status is looked at here: the server says in each error what is wrong.
ALL_STATUSES = tuple(range(100, 600))
LONGEST_WAIT = 600
ITEMS_SHOWN = 50
NOT_TAKEN = "rejected,skipped,dead,pending"

# The names that ThreatConnect and XSOAR's own integration use, and the server's types.
INDICATOR_TYPES = {
    "Address": ["ipv4", "ipv6"],
    "EmailAddress": ["email"],
    "File": ["file"],
    "Host": ["domain"],
    "URL": ["url"],
    "ASN": ["asn"],
    "CIDR": ["cidr"],
    "Hashtag": ["hashtag"],
    "Mutex": ["mutex"],
    "Registry Key": ["registry-key"],
    "User Agent": ["user-agent"],
    "Email Subject": ["email-subject"],
    "Custom": ["custom"],
}
GROUP_TYPES = {
    "Adversary": ["threat-actor"],
    "Attack Pattern": ["attack-pattern"],
    "Campaign": ["campaign"],
    "Course of Action": ["course-of-action"],
    "Document": ["document"],
    "Email": ["email-message"],
    "Event": ["event"],
    "Incident": ["incident"],
    "Intrusion Set": ["intrusion-set"],
    "Malware": ["malware"],
    "Report": ["report"],
    "Signature": ["signature"],
    "Tactic": ["tactic"],
    "Task": ["task"],
    "Threat": ["threat"],
    "Tool": ["tool"],
    "Vulnerability": ["vulnerability"],
}
SCORES = {"Any": 0, "Good": 1, "Suspicious": 2, "Bad": 3}
# Least strict first; WHITE is the old name of CLEAR.
TLP_ORDER = ["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"]

REMEDIES = {
    "KEY_MISSING": "Type the API key into the instance.",
    "KEY_UNKNOWN": "Check the API key of the instance against auth.keys of the server's configuration; "
    "`feed-server keys create` makes a new one.",
    "SCOPE_MISSING": "Add the scope to the key in auth.keys of the server's configuration, or use another key.",
    "HOST_REFUSED": "The server has no API keys and answers loopback only: configure auth.keys.",
    "ROUTE_UNKNOWN": "Check the server URL: it ends before /api/v1.",
    "SOURCE_UNKNOWN": "Use the name of a source that the server has.",
    "EXPORTER_UNKNOWN": "Use the name of an exporter that the server has.",
    "EXPORT_UNKNOWN": "Use the id that a push answered; exports are forgotten 30 days after they ended.",
    "QUERY_REFUSED": "Correct the TQL.",
    "EXPORT_REFUSED": "Narrow what is pushed.",
    "TOO_MANY_REQUESTS": "Fetch less often, or raise the limit of requests of the server.",
    "UPSTREAM_CREDENTIALS": "Correct the credentials in the server's configuration; "
    "`feed-server check` tells which one is wrong.",
    "UPSTREAM_PERMISSION": "Give the API user of the server the right, or ask for less, for example fewer owners.",
    "UPSTREAM_CLOCK_SKEW": "Set the clock of the server's machine by NTP.",
    "UPSTREAM_UNAVAILABLE": "Try again later; `feed-server check` at the server tells what fails.",
    "STORE_UNAVAILABLE": "Try again later; the server's log tells what is wrong with its database.",
    "NOT_READY": "Try again later.",
    "FEED_NOT_READY": "Try again once the first fetch of the server has ended.",
}


class ServerProblem(DemistoException):
    """An error answer of the server: `code` is stable, the text has cause and remedy."""

    def __init__(self, code: str, status: int, text: str):
        super().__init__(text)
        self.code = code
        self.status = status


""" CLIENT """


class Client(BaseClient):
    """The server's REST API under /api/v1."""

    def __init__(self, base_url: str, key: str, verify: bool, proxy: bool):
        headers = {"X-API-Key": key, "Accept": "application/json"}
        super().__init__(base_url=base_url.rstrip("/"), verify=verify, proxy=proxy, headers=headers, timeout=60)

    def ask(self, method: str, path: str, timeout: int = 60, **more: Any) -> Any:
        """The answer, whole. Reading is tried again where the server is busy; a push is not.

        Raises ServerProblem for an error of the server; what BaseClient raises where it can't be reached.
        """
        tries = {"retries": 3, "status_list_to_retry": [429, 503], "backoff_factor": 2} if method == "GET" else {}
        response = self._http_request(
            method,
            url_suffix="/api/v1" + path,
            resp_type="response",
            ok_codes=ALL_STATUSES,
            timeout=timeout,
            # The key goes to the address that was typed, to no other.
            allow_redirects=False,
            **tries,
            **more,
        )
        if response.status_code >= 300:
            raise problem_of(response)
        return response

    def call(self, method: str, path: str, **more: Any) -> Dict[str, Any]:
        response = self.ask(method, path, **more)
        return parsed(response, {})

    def whoami(self) -> Dict[str, Any]:
        return self.call("GET", "/whoami")

    def sources(self) -> List[Dict[str, Any]]:
        return self.call("GET", "/sources")["data"]

    def pages(self, query: Dict[str, Any]) -> Iterator[List[Dict[str, Any]]]:
        """Everything that passes the filters: what was stored all the time is on exactly one page."""
        cursor = None
        while True:
            place = {"cursor": cursor} if cursor else {}
            page = self.call("GET", "/indicators", params={**query, "limit": BATCH_SIZE, **place})
            yield page["data"]
            cursor = page["next"]
            if not cursor:
                return

    def head(self) -> str:
        """Where the change log ends now."""
        return self.ask("GET", "/changes", params={"limit": 0}).headers["X-Head-Cursor"]

    def changed_since(self, cursor: str) -> bool:
        """Whether anything changed since. A cursor that the server no longer knows counts as a change."""
        try:
            return self.ask("GET", "/changes", params={"since": cursor, "limit": 1}).text != ""
        except ServerProblem as problem:
            if problem.code in ("CURSOR_GONE", "ARGUMENT_INVALID"):
                return True
            raise


def parsed(response: Any, otherwise: Any) -> Any:
    """The JSON of an answer. Raises a DemistoException where it is none and nothing else is taken."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict):
        return body
    if otherwise is None:
        return {}
    raise DemistoException(
        "The address answers, but not as an indicator-feed-server does: check the server URL, and whether a proxy "
        "or a login page stands between."
    )


def problem_of(response: Any) -> ServerProblem:
    """From `application/problem+json`; of anything else what can be said."""
    if response.status_code < 400:
        return ServerProblem("", response.status_code, "The server URL leads elsewhere: type the address it leads to.")
    body = parsed(response, None)
    code = str(body.get("code", ""))
    if not code:
        return ServerProblem(
            "",
            response.status_code,
            "HTTP {} without an explanation: check the server URL, and whether a proxy stands between.".format(
                response.status_code
            ),
        )
    details = [str(each.get("detail")) for each in body.get("errors", []) if isinstance(each, dict)]
    cause = "; ".join(details) if len(details) > 1 else str(body.get("detail", ""))
    sentences = [
        "{}: {}.".format(body.get("title"), cause.rstrip(".")),
        REMEDIES.get(code, ""),
        "({}, HTTP {}, request {})".format(code, response.status_code, body.get("requestId")),
    ]
    return ServerProblem(code, response.status_code, " ".join(each for each in sentences if each))


""" WHAT IS FETCHED """


def fetch_query(params: Dict[str, Any]) -> Dict[str, Any]:
    """The parameters of the instance as the server's filters."""
    query: Dict[str, Any] = {"view": "xsoar", "raw": "true" if boolean(params.get("raw_json"), True) else "false"}
    types = chosen_types(params)
    if types:
        query["type"] = ",".join(types)
    for name, parameter in (("owner", "owners"), ("tag", "tags"), ("source", "sources")):
        names = name_list(params.get(parameter))
        for each in names:
            if "," in each:
                raise DemistoException(
                    "The parameter '{}' takes no name with a comma, which separates names: '{}'. Filter by it in the "
                    "configuration of the server's source instead.".format(parameter, each)
                )
        if names:
            query[name] = ",".join(names)
    for name, parameter, top in (
        ("min_confidence", "min_confidence", 100),
        ("min_threat_assess_score", "min_threat_assess_score", 1000),
    ):
        least = number(params.get(parameter), parameter, top)
        if least:
            query[name] = least
    score = SCORES.get(params.get("min_score") or "Any")
    if score is None:
        raise DemistoException("The parameter 'min_score' takes one of: {}.".format(", ".join(SCORES)))
    if score:
        query["min_score"] = score
    if params.get("max_tlp"):
        query["max_tlp"] = params["max_tlp"].lower()
    if boolean(params.get("indicator_active"), True):
        query["active"] = "true"
    return query


def chosen_types(params: Dict[str, Any]) -> List[str]:
    """The server's types; empty: all of them, those that it does not know by name as well."""
    indicators = argToList(params.get("indicator_type"))
    groups = argToList(params.get("group_type"))
    if "All" in indicators and "All" in groups:
        return []
    types = types_of(indicators, INDICATOR_TYPES, "indicator_type") + types_of(groups, GROUP_TYPES, "group_type")
    if not types:
        raise DemistoException("No type is chosen: choose indicator types, group types, or All of either.")
    return types


def types_of(names: List[str], known: Dict[str, List[str]], parameter: str) -> List[str]:
    if "All" in names:
        names = list(known)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise DemistoException(
            "The parameter '{}' does not take '{}'; it takes All, {}.".format(
                parameter, "', '".join(unknown), ", ".join(known)
            )
        )
    return [each for name in names for each in known[name]]


def name_list(given: Any) -> List[str]:
    return [str(name).strip() for name in argToList(given) if str(name).strip()]


def number(given: Any, name: str, top: int) -> int:
    text = str(given if given is not None else "").strip() or "0"
    if not text.isdigit() or int(text) > top:
        raise DemistoException("'{}' takes an integer from 0 to {}; received '{}'.".format(name, top, given))
    return int(text)


def boolean(given: Any, default: bool) -> bool:
    return default if given in (None, "") else argToBoolean(given)


def for_this_instance(item: Dict[str, Any], tlp: str, tags: List[str]) -> Dict[str, Any]:
    """With the TLP colour and the tags of the instance. A colour is only ever made stricter."""
    fields = dict(item.get("fields") or {})
    if tags:
        fields["tags"] = list(dict.fromkeys([*(fields.get("tags") or []), *tags]))
    if tlp and strictness(tlp) > strictness(fields.get("trafficlightprotocol")):
        fields["trafficlightprotocol"] = tlp
    raw = item.get("rawJSON") or {"value": item["value"], "type": item["type"]}
    return {**item, "fields": fields, "rawJSON": raw}


def strictness(tlp: Optional[str]) -> int:
    """-1 where there is none. A name that is not known counts as the strictest, so that it stays."""
    if not tlp:
        return -1
    name = "CLEAR" if tlp.upper() == "WHITE" else tlp.upper()
    return TLP_ORDER.index(name) if name in TLP_ORDER else len(TLP_ORDER)


def require_fetched(sources: Iterable[Dict[str, Any]]) -> None:
    """An empty list of a server that has read nothing yet must not look like a feed that became empty."""
    waiting = [source["name"] for source in sources if not source["fetched"]]
    if waiting:
        raise DemistoException(
            "The server has not fetched {} yet: its list is not whole, so nothing was taken. Wait for its first fetch; "
            "`feed-server check` at the server tells where it stands.".format(", ".join(waiting))
        )


def fetch_indicators(client: Client, params: Dict[str, Any]) -> int:
    """A whole snapshot, or nothing where nothing changed since the last one.

    All pages are there before the first indicator is created: a fetch that breaks off leaves no half a feed behind,
    from which XSOAR would expire the other half. The place in the change log is taken before the pages are read and
    kept after they were created, so that what changes meanwhile makes the next fetch a whole one.
    """
    query = fetch_query(params)
    tlp, tags = params.get("tlp_color") or "", name_list(params.get("feedTags"))
    asked = hashlib.sha256(json.dumps([query, tlp, tags], sort_keys=True).encode()).hexdigest()
    last = demisto.getLastRun() or {}
    require_fetched(client.sources())
    if last.get("asked") == asked and last.get("cursor") and not client.changed_since(last["cursor"]):
        demisto.createIndicators([], noUpdate=True)
        return 0
    cursor = client.head()
    count = 0
    with tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES, mode="w+", encoding="utf-8") as pages:
        for page in client.pages(query):
            pages.write(json.dumps([for_this_instance(item, tlp, tags) for item in page]) + "\n")
            count += len(page)
        pages.seek(0)
        for line in pages:
            demisto.createIndicators(json.loads(line))
    demisto.setLastRun({"asked": asked, "cursor": cursor})
    return count


""" COMMANDS """


def test_module(client: Client, params: Dict[str, Any]) -> str:
    query = fetch_query(params)
    key = client.whoami()
    scopes = key["scopes"]
    if "admin" not in scopes and "indicators:read" not in scopes:
        return "The API key '{}' has the scopes {}; the feed needs indicators:read. {}".format(
            key["key"], ", ".join(scopes) or "none", REMEDIES["SCOPE_MISSING"]
        )
    client.call("GET", "/indicators", params={**query, "limit": 1})
    require_fetched(client.sources())
    return "ok"


def get_indicators_command(client: Client, args: Dict[str, Any]) -> List[CommandResults]:
    body: Dict[str, Any] = {"view": "xsoar"}
    for name in ("owners", "tags", "indicator_type"):
        if args.get(name):
            body[name] = name_list(args[name])
    for name in (
        "source",
        "limit",
        "offset",
        "tql_query",
        "active_indicators",
        "confidence",
        "threat_assess_score",
        "create_relationships",
    ):
        if args.get(name) not in (None, ""):
            body[name] = str(args[name])
    answer = client.call("POST", "/tc-get-indicators", json_data=body, timeout=300)
    readable = table("ThreatConnect Feed - Indicators", answer["data"])
    if answer["unreadable"]:
        readable += "\n" + table("Records that could not be read", answer["unreadable"], ["remoteId", "reason"])
    offset = answer["next"]["offset"] if answer["next"] else None
    query = {**answer["query"], "count": answer["count"], "next": offset, "unreadable": answer["unreadable"]}
    left = "There are more: go on with offset={}.".format(offset) if offset is not None else "There are no more."
    return [
        CommandResults(
            readable_output=readable,
            outputs_prefix="FeedServer.Indicator",
            outputs_key_field=["value", "type"],
            outputs=[{name: item[name] for name in item if name != "rawJSON"} for item in answer["data"]],
            raw_response=answer,
        ),
        CommandResults(
            readable_output="{} records of the source {}. {}".format(
                answer["count"] + len(answer["unreadable"]), escaped(query["source"]), left
            ),
            outputs_prefix="FeedServer.Query",
            outputs=query,
            raw_response=query,
        ),
    ]


def get_owners_command(client: Client, args: Dict[str, Any]) -> CommandResults:
    source = {"source": args["source"]} if args.get("source") else {}
    answer = client.call("GET", "/tc-get-owners", params=source)
    return CommandResults(
        readable_output=table("ThreatConnect Feed - Owners", answer["data"], ["id", "name", "type"]),
        outputs_prefix="FeedServer.Owner",
        outputs_key_field="id",
        outputs=answer["data"],
        raw_response=answer,
    )


def why_command(client: Client, args: Dict[str, Any]) -> CommandResults:
    asked = {"value": args["value"], "raw": "false"}
    if args.get("type"):
        asked["type"] = args["type"]
    try:
        found = client.call("GET", "/indicators/lookup", params=asked)["data"]
    except ServerProblem as problem:
        if problem.code != "INDICATOR_UNKNOWN":
            raise
        return CommandResults(readable_output=escaped(str(problem)))
    answers = [client.call("GET", "/indicators/{}/why".format(quote(each["id"], safe=""))) for each in found]
    return CommandResults(
        readable_output="\n".join(why_text(answer) for answer in answers),
        outputs_prefix="FeedServer.Why",
        outputs_key_field="id",
        outputs=[why_outputs(answer) for answer in answers],
        raw_response=answers,
    )


def why_outputs(answer: Dict[str, Any]) -> Dict[str, Any]:
    indicator = answer["indicator"]
    return {
        **{name: indicator.get(name) for name in ("id", "type", "value", "score", "active", "tlp", "expiresAt")},
        "observations": indicator["observations"],
        "feeds": answer["feeds"],
        "exports": answer["exports"],
    }


def why_text(answer: Dict[str, Any]) -> str:
    indicator = answer["indicator"]
    title = "{} ({}, score {})".format(escaped(indicator["value"]), indicator["type"], indicator["score"])
    feeds = [{**feed, "in": "yes" if feed["in"] else "no"} for feed in answer["feeds"]]
    return "\n".join(
        [
            table(title, indicator["observations"], ["source", "owner", "remoteId", "reportedBy", "link"]),
            table("Feeds", feeds, ["name", "in", "reason"]),
            table("Exports", answer["exports"], ["exporter", "action", "status", "reason", "createdAt", "export"]),
        ]
    )


def push_command(client: Client, args: Dict[str, Any]) -> CommandResults:
    values, feed = argToList(args.get("values")), args.get("feed")
    if bool(values) == bool(feed):
        raise DemistoException("Give either 'values' or 'feed': what is to be pushed.")
    wait = number(args.get("wait"), "wait", LONGEST_WAIT)
    body: Dict[str, Any] = {"indicators": [str(value) for value in values]} if values else {"feed": feed}
    body["action"] = args.get("action") or "upsert"
    if args.get("options"):
        body["options"] = options_of(args["options"])
    path = "/push/{}".format(quote(args["exporter"], safe=""))
    if argToBoolean(args.get("dry_run") or "false"):
        answer = client.call("POST", path, json_data={**body, "dryRun": True}, timeout=300)
        return CommandResults(
            readable_output=dry_run_text(answer),
            outputs_prefix="FeedServer.DryRun",
            outputs={name: answer[name] for name in ("exporter", "action", "counts", "items")},
            raw_response=answer,
        )
    more: Dict[str, Any] = {}
    if args.get("idempotency_key"):
        more["headers"] = {**client._headers, "Idempotency-Key": args["idempotency_key"]}
    receipt = client.call("POST", path, params={"wait": wait}, json_data=body, timeout=wait + 60, **more)
    return receipt_results(client, receipt, NOT_TAKEN, ITEMS_SHOWN)


def options_of(given: Any) -> Dict[str, Any]:
    try:
        options = json.loads(given) if isinstance(given, str) else given
    except ValueError:
        options = None
    if not isinstance(options, dict):
        raise DemistoException("'options' takes a JSON object, such as {\"threatLevel\": \"Suspicious\"}.")
    return options


def dry_run_text(answer: Dict[str, Any]) -> str:
    title = "Dry run of a push to {}: nothing was sent".format(escaped(answer["exporter"]))
    return "\n".join(
        [
            table(title, [answer["counts"]], ["total", "pending", "unchanged", "skipped"]),
            table("Items", answer["items"], ["type", "value", "status", "reason"]),
        ]
    )


def export_get_command(client: Client, args: Dict[str, Any]) -> CommandResults:
    identifier = quote(args.get("id") or "latest", safe="")
    receipt = client.call("GET", "/exports/{}".format(identifier))
    statuses = ",".join(argToList(args.get("status") or NOT_TAKEN))
    return receipt_results(client, receipt, statuses, number(args.get("limit") or ITEMS_SHOWN, "limit", 10000))


def receipt_results(client: Client, receipt: Dict[str, Any], statuses: str, limit: int) -> CommandResults:
    """The counts of an export, and what became of the items with one of the statuses."""
    path = "/exports/{}/items".format(quote(receipt["id"], safe=""))
    page = client.call("GET", path, params={"status": statuses, "limit": max(1, limit)})
    counts = receipt["counts"]
    title = "Export to {}: {}".format(escaped(receipt["exporter"]), receipt["status"])
    text = "\n".join(
        [
            table(title, [counts], ["total", "accepted", "unchanged", "rejected", "skipped", "dead", "pending"]),
            table("Items: {}".format(escaped(statuses)), page["data"], ["type", "value", "status", "reason"]),
        ]
    )
    if page["next"]:
        text += "\nThere are more such items than {}.\n".format(limit)
    names = ("id", "exporter", "origin", "action", "status", "createdAt", "endedAt", "counts")
    return CommandResults(
        readable_output=text,
        outputs_prefix="FeedServer.Export",
        outputs_key_field="id",
        outputs={**{name: receipt[name] for name in names}, "items": page["data"]},
        raw_response={"export": receipt, "items": page["data"]},
    )


""" TABLES """


def table(title: str, rows: List[Dict[str, Any]], columns: Optional[List[str]] = None) -> str:
    """As the server prints its text/markdown: XSOAR's own table, but data makes no tag, link or image."""
    filled = {name for row in rows for name in row if row[name] not in (None, "", [], {})}
    shown = [name for name in columns if name in filled] if columns else sorted(filled)
    if not shown:
        return "### {}\n**No entries.**\n".format(title)
    head = "### {}\n|{}|\n|{}|\n".format(title, "|".join(map(escaped, shown)), "|".join("---" for _ in shown))
    lines = ["| {} |\n".format(" | ".join(escaped(cell(row.get(name))) for name in shown)) for row in rows]
    return head + "".join(lines)


def cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return "\n".join("{}: {}".format(name, flat(member)) for name, member in value.items())
    return flat(value)


def flat(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ",\n".join(map(str, value))
    return json.dumps(value, ensure_ascii=False)


def escaped(text: str) -> str:
    # Else the backslash would take the one before | and ` with it.
    text = re.sub(r"(?<!\\)\\+(?=[|`<\r\n])", lambda found: found.group() * 2, text)
    text = text.replace("<", "&lt;").replace("](", "]\\(").replace("\r\n", "<br>").replace("\r", "<br>").replace("\n", "<br>")
    return text.replace("|", "\\|").replace("`", "\\`")


""" MAIN """


def main() -> None:
    command = demisto.command()
    params = demisto.params()
    args = demisto.args()
    commands = {
        "tc-get-indicators": get_indicators_command,
        "tc-get-owners": get_owners_command,
        "feed-server-why": why_command,
        "feed-server-push": push_command,
        "feed-server-export-get": export_get_command,
    }
    demisto.debug("Command being called is {}".format(command))
    try:
        client = Client(
            base_url=params["url"],
            key=(params.get("credentials") or {}).get("password", ""),
            verify=not boolean(params.get("insecure"), False),
            proxy=boolean(params.get("proxy"), False),
        )
        if command == "test-module":
            return_results(test_module(client, params))
        elif command == "fetch-indicators":
            count = fetch_indicators(client, params)
            demisto.debug("Indicators created: {}".format(count))
        elif command in commands:
            return_results(commands[command](client, args))
        else:
            raise NotImplementedError("The command {} is not implemented.".format(command))
    except Exception as error:
        return_error("Failed to execute the command {}. {}".format(command, error), error=error)


if __name__ in ("__main__", "__builtin__", "builtins"):
    main()
