"""The few names of XSOAR's module that the integration uses, over Python's own library."""

import json as _json
import socket as _socket
import ssl as _ssl
import sys as _sys
import time as _time
import urllib.error as _urllib_error
import urllib.parse as _parse
import urllib.request as _request

import demistomock as _demisto


class DemistoException(Exception):
    def __init__(self, message, exception=None, res=None, *args):
        super().__init__(message, *args)
        self.message = message
        self.exception = exception
        self.res = res

    def __str__(self):
        return str(self.message)


class _Response:
    def __init__(self, status, headers, content):
        self.status_code = status
        self.headers = headers
        self.content = content
        self.text = content.decode("utf-8")
        self.ok = status < 400

    def json(self):
        return _json.loads(self.text)


class _NoRedirects(_request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class BaseClient:
    def __init__(self, base_url, verify=True, proxy=False, ok_codes=(), headers=None, auth=None, timeout=60):
        self._base_url = base_url
        self._verify = verify
        self._ok_codes = ok_codes
        self._headers = headers
        self.timeout = timeout

    def _http_request(
        self,
        method,
        url_suffix="",
        headers=None,
        json_data=None,
        params=None,
        timeout=None,
        resp_type="json",
        ok_codes=None,
        retries=0,
        status_list_to_retry=None,
        backoff_factor=5,
        allow_redirects=True,
    ):
        address = self._base_url.rstrip("/") + "/" + url_suffix.lstrip("/")
        if params:
            address += "?" + _parse.urlencode(params, doseq=True)
        sent = dict(headers or self._headers or {})
        data = None
        if json_data is not None:
            data = _json.dumps(json_data).encode()
            sent["Content-Type"] = "application/json"
        asked = _request.Request(address, data=data, headers=sent, method=method)
        for left in range(retries, -1, -1):
            response = self._once(asked, timeout or self.timeout, allow_redirects)
            if left == 0 or response.status_code not in (status_list_to_retry or ()):
                break
            _time.sleep(0.01 * backoff_factor)
        known = ok_codes or self._ok_codes
        if not (response.status_code in known if known else response.ok):
            raise DemistoException("Error in API call [{}]".format(response.status_code), res=response)
        return response.json() if resp_type == "json" else response

    def _once(self, asked, timeout, allow_redirects):
        handlers = [_request.ProxyHandler({})]
        if not allow_redirects:
            handlers.append(_NoRedirects())
        if not self._verify:
            context = _ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = _ssl.CERT_NONE
            handlers.append(_request.HTTPSHandler(context=context))
        try:
            with _request.build_opener(*handlers).open(asked, timeout=timeout) as answer:
                return _Response(answer.status, answer.headers, answer.read())
        except _urllib_error.HTTPError as error:
            with error:
                return _Response(error.code, error.headers, error.read())
        except (_urllib_error.URLError, _socket.timeout, ConnectionError) as error:
            raise DemistoException("Connection Error: the server can not be reached.", error)


class CommandResults:
    def __init__(
        self, readable_output=None, outputs_prefix=None, outputs_key_field=None, outputs=None, raw_response=None
    ):
        self.readable_output = readable_output
        self.outputs_prefix = outputs_prefix
        self.outputs_key_field = outputs_key_field
        self.outputs = outputs
        self.raw_response = raw_response


def argToList(arg, separator=","):
    if not arg:
        return []
    if isinstance(arg, list):
        return arg
    if not isinstance(arg, str):
        return [arg]
    if arg[0] == "[" and arg[-1] == "]":
        try:
            return _json.loads(arg)
        except ValueError:
            arg = arg[1:-1]
    return [piece.strip() for piece in arg.split(separator)]


def argToBoolean(value):
    if isinstance(value, bool):
        return value
    words = {"true": True, "yes": True, "false": False, "no": False}
    if str(value).lower() not in words:
        raise ValueError("Argument does not contain a valid boolean-like value")
    return words[str(value).lower()]


def return_results(results):
    for result in results if isinstance(results, list) else [results]:
        _demisto.results(result)


def return_error(message, error="", outputs=None):
    # A fetch has no War Room to print to: there XSOAR's function raises.
    if _demisto.command() == "fetch-indicators":
        raise Exception(message)
    _demisto.results({"Type": 4, "ContentsFormat": "text", "Contents": str(message), "EntryContext": outputs})
    _sys.exit(0)
