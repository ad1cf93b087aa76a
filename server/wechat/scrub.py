"""Keeps credentials and one-use codes out of the HTTP libraries' logs, which print whole addresses at debug level."""

import logging
import re

_NAMES = "access_token|secret|js_code|session_key|openid|unionid|code|phoneNumber|purePhoneNumber|signature|msg_signature"
_IN_QUERY = re.compile(rf"(?<![A-Za-z_])({_NAMES})=([^&\s\"'<>)]+)")
_IN_JSON = re.compile(rf"([\"'])({_NAMES})\1(\s*:\s*)([\"'])(?:(?!\4).)*\4")
_TALKERS = ("urllib3", "urllib3.connectionpool", "urllib3.util.retry", "requests", "wechatpy.client.base")


def scrub(text: str) -> str:
    """``text`` with the values of secret names in addresses and JSON replaced by ``***``."""
    return _IN_JSON.sub(r"\1\2\1\3\4***\4", _IN_QUERY.sub(r"\1=***", text))


class SecretFilter(logging.Filter):
    """Rewrites each record once, so that no handler behind it sees the value."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = scrub(record.getMessage()), ()
        return True


_FILTER = SecretFilter()


def install_filter() -> None:
    """Put the filter on every logger that can print a WeChat address; calling it again changes nothing."""
    for name in _TALKERS:
        logging.getLogger(name).addFilter(_FILTER)
