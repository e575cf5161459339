"""What the integration does by itself, and with servers that misbehave.

    python3 -m unittest FeedIndicatorFeedServer_test

needs nothing but Python. With a real server the commands are tried by test/integrations/xsoar.test.ts.
"""

import contextlib
import http.server
import json
import pathlib
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "test_support"))

import demistomock as demisto  # noqa: E402
import FeedIndicatorFeedServer as feed  # noqa: E402
from CommonServerPython import DemistoException  # noqa: E402

ALL = {"indicator_type": "All", "group_type": "All"}


@contextlib.contextmanager
def serving(answer):
    """A server that answers each request with what `answer(path, count)` gives: (status, headers, text)."""
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.path, self.headers))
            status, headers, text = answer(self.path, len(seen))
            body = text.encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield "http://127.0.0.1:{}".format(server.server_address[1]), seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def client_of(url):
    return feed.Client(base_url=url, key="k", verify=True, proxy=False)


def answered(value, status=200, **headers):
    return status, headers, json.dumps(value)


class TheFilters(unittest.TestCase):
    def test_all_types_are_no_filter(self):
        self.assertEqual(feed.fetch_query(ALL), {"view": "xsoar", "raw": "true", "active": "true"})

    def test_every_parameter_becomes_its_filter(self):
        params = {
            "indicator_type": ["Address", "Host"],
            "group_type": ["Vulnerability"],
            "sources": "tc",
            "owners": "One, Two ,",
            "tags": "APT29",
            "indicator_active": False,
            "min_confidence": "50",
            "min_threat_assess_score": 300,
            "min_score": "Suspicious",
            "max_tlp": "amber+strict",
            "raw_json": False,
        }
        expected = {
            "view": "xsoar",
            "raw": "false",
            "type": "ipv4,ipv6,domain,vulnerability",
            "source": "tc",
            "owner": "One,Two",
            "tag": "APT29",
            "min_confidence": 50,
            "min_threat_assess_score": 300,
            "min_score": 2,
            "max_tlp": "amber+strict",
        }
        self.assertEqual(feed.fetch_query(params), expected)

    def test_all_of_one_kind_is_every_type_of_that_kind(self):
        types = feed.chosen_types({"indicator_type": "All", "group_type": []})
        self.assertIn("custom", types)
        self.assertNotIn("campaign", types)
        self.assertNotIn("ipv4", feed.chosen_types({"group_type": ["All"]}))

    def test_what_can_not_be_used_is_named(self):
        for more, words in (
            ({"indicator_type": [], "group_type": None}, "No type is chosen"),
            ({"indicator_type": "Hosts"}, "'indicator_type' does not take 'Hosts'; it takes All, Address"),
            ({"owners": '["Äpfel & Birnen, Threat Intel"]'}, "'owners' takes no name with a comma"),
            ({"min_confidence": "high"}, "'min_confidence' takes an integer from 0 to 100; received 'high'"),
            ({"min_confidence": "101"}, "from 0 to 100"),
            ({"min_threat_assess_score": "-1"}, "from 0 to 1000"),
            ({"min_score": "Worst"}, "'min_score' takes one of: Any, Good"),
        ):
            with self.subTest(more=more), self.assertRaises(DemistoException) as caught:
                feed.fetch_query({**ALL, **more})
            self.assertIn(words, str(caught.exception))


class WhatTheInstanceAdds(unittest.TestCase):
    def item(self, **fields):
        return {"value": "x.example", "type": "Domain", "score": 3, "fields": fields, "relationships": []}

    def test_a_colour_is_only_made_stricter(self):
        for own, given, expected in (
            (None, "AMBER", "AMBER"),
            ("GREEN", "AMBER", "AMBER"),
            ("RED", "AMBER", "RED"),
            ("AMBER+STRICT", "AMBER", "AMBER+STRICT"),
            ("CLEAR", "WHITE", "CLEAR"),
            ("PURPLE", "RED", "PURPLE"),
            ("RED", "", "RED"),
            (None, "", None),
        ):
            with self.subTest(own=own, given=given):
                fields = {} if own is None else {"trafficlightprotocol": own}
                made = feed.for_this_instance(self.item(**fields), given, [])
                self.assertEqual(made["fields"].get("trafficlightprotocol"), expected)

    def test_tags_are_added_once_and_a_record_is_always_there(self):
        made = feed.for_this_instance(self.item(tags=["a", "b"]), "", ["b", "c"])
        self.assertEqual(made["fields"]["tags"], ["a", "b", "c"])
        self.assertEqual(made["rawJSON"], {"value": "x.example", "type": "Domain"})


class TheTables(unittest.TestCase):
    def test_data_is_no_markup_and_breaks_no_row(self):
        rows = [{"a": "<script>|`\r\n", "b": {"n": None, "l": ["x", 1], "t": True}}, {"a": "", "c": []}]
        self.assertEqual(
            feed.table("T", rows),
            "### T\n|a|b|\n|---|---|\n| &lt;script>\\|\\`<br> | n: null<br>l: x,<br>1<br>t: true |\n|  |  |\n",
        )
        self.assertEqual(feed.table("T", []), "### T\n**No entries.**\n")


class AServerThatMisbehaves(unittest.TestCase):
    def failure(self, answer, ask=lambda client: client.whoami()):
        with serving(answer) as (url, seen), self.assertRaises(DemistoException) as caught:
            ask(client_of(url))
        return str(caught.exception), seen

    def test_a_problem_has_cause_and_remedy(self):
        problem = {"title": "The API key is not known", "detail": "no key has it", "code": "KEY_UNKNOWN", "requestId": "7"}
        text, seen = self.failure(lambda *_: answered(problem, 401))
        self.assertIn("The API key is not known: no key has it. Check the API key", text)
        self.assertIn("(KEY_UNKNOWN, HTTP 401, request 7)", text)
        self.assertEqual(seen[0][1]["X-API-Key"], "k")
        self.assertEqual(seen[0][0], "/api/v1/whoami")

    def test_every_wrong_argument_is_told(self):
        errors = [{"pointer": "/a", "detail": "a takes one"}, {"pointer": "/b", "detail": "b takes two"}]
        problem = {"title": "T", "detail": "2 errors", "code": "ARGUMENT_INVALID", "errors": errors}
        self.assertIn("T: a takes one; b takes two.", self.failure(lambda *_: answered(problem, 400))[0])

    def test_what_is_no_answer_of_the_server_says_so(self):
        for answer, words in (
            ((200, {}, "<html>log in</html>"), "not as an indicator-feed-server does"),
            ((200, {}, "[]"), "not as an indicator-feed-server does"),
            ((502, {}, "<html>bad gateway</html>"), "HTTP 502 without an explanation"),
            ((302, {"Location": "http://127.0.0.1:9/"}, ""), "leads elsewhere"),
        ):
            with self.subTest(words=words):
                text, seen = self.failure(lambda *_, answer=answer: answer)
                self.assertIn(words, text)
                self.assertEqual(len(seen), 1)

    def test_a_busy_server_is_asked_again_but_no_push_is_repeated(self):
        busy = answered({"title": "T", "detail": "d", "code": "NOT_READY"}, 503)
        with serving(lambda _, count: busy if count < 3 else answered({"key": "k"})) as (url, seen):
            self.assertEqual(client_of(url).whoami(), {"key": "k"})
            self.assertEqual(len(seen), 3)
        _, seen = self.failure(lambda *_: busy, lambda client: client.call("POST", "/push/x", json_data={}))
        self.assertEqual(len(seen), 1)

    def test_a_server_that_is_not_there(self):
        with serving(lambda *_: answered({})) as (url, _):
            pass
        with self.assertRaises(DemistoException):
            client_of(url).whoami()


class AFetchThatBreaksOff(unittest.TestCase):
    """Half a snapshot would make XSOAR expire the other half."""

    def fetch(self, answer, last_run=None):
        with serving(answer) as (url, seen):
            demisto.start("fetch-indicators", {**ALL, "url": url, "credentials": {"password": "k"}}, {}, last_run)
            try:
                feed.main()
                failure = None
            except Exception as error:
                failure = str(error)
        return failure, demisto.state, seen

    def item(self, value):
        return {"value": value, "type": "Domain", "score": 0, "fields": {}, "relationships": []}

    def answers(self, page_of, fetched=True):
        def answer(path, _):
            if "/sources" in path:
                return answered({"data": [{"name": "tc", "fetched": fetched}]})
            if "/changes" in path:
                return 200, {"X-Head-Cursor": "head"}, ""
            return page_of(path)

        return answer

    def test_nothing_is_created_and_no_place_is_kept(self):
        def page_of(path):
            if "cursor=" in path:
                return answered({"title": "T", "detail": "the disk is full", "code": "INTERNAL"}, 500)
            return answered({"data": [self.item("a.example")], "next": "n"})

        failure, state, _ = self.fetch(self.answers(page_of))
        self.assertIn("the disk is full", failure)
        self.assertEqual((state["batches"], state["last_run"]), ([], {}))

    def test_a_server_that_has_fetched_nothing_yet_is_no_empty_feed(self):
        empty = self.answers(lambda _: answered({"data": [], "next": None}), fetched=False)
        failure, state, _ = self.fetch(empty)
        self.assertIn("has not fetched tc yet", failure)
        self.assertEqual((state["batches"], state["last_run"]), ([], {}))

    def test_each_page_is_a_batch_and_the_place_is_that_before_the_first(self):
        def page_of(path):
            if "cursor=n" in path:
                return answered({"data": [self.item("b.example")], "next": None})
            return answered({"data": [self.item("a.example")], "next": "n"})

        failure, state, seen = self.fetch(self.answers(page_of))
        self.assertIsNone(failure)
        values = [[each["value"] for each in batch["indicators"]] for batch in state["batches"]]
        self.assertEqual(values, [["a.example"], ["b.example"]])
        self.assertEqual(state["last_run"]["cursor"], "head")
        paths = [path.split("?")[0] for path, _ in seen]
        self.assertEqual(paths, ["/api/v1/sources", "/api/v1/changes", "/api/v1/indicators", "/api/v1/indicators"])
        again, unchanged, _ = self.fetch(self.answers(page_of), state["last_run"])
        self.assertIsNone(again)
        self.assertEqual(unchanged["batches"], [{"indicators": [], "noUpdate": True}])


if __name__ == "__main__":
    unittest.main()
