"""Which WeChat a deployment may talk to: a rehearsal must never reach the real one, the real one never a simulator."""

import base64
import binascii
from urllib.parse import urlsplit

OFFICIAL_HOSTS = frozenset(f"{name}.weixin.qq.com" for name in ("api", "api2", "sh.api", "sz.api", "hk.api"))


def check_base(base: str, production: bool, *, allow_official: bool = False) -> str:
    """``base`` without its trailing slash, or ValueError with a Chinese sentence.

    Production takes only https on the official hosts; elsewhere those are refused unless ``allow_official``.
    """
    origin = base.rstrip("/")
    try:
        parts = urlsplit(origin)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise ValueError("微信接口地址不正确，请检查 WECHAT_API_BASE。") from None
    if parts.scheme not in {"http", "https"} or not host or origin != f"{parts.scheme}://{parts.netloc}" or "@" in origin:
        raise ValueError("微信接口地址只能写协议、主机和端口，请检查 WECHAT_API_BASE。")
    if production:
        if parts.scheme != "https" or host not in OFFICIAL_HOSTS or port not in {None, 443}:
            raise ValueError("正式环境只能使用微信官方的 https 地址，请检查 WECHAT_API_BASE。")
    elif (host == "weixin.qq.com" or host.endswith(".weixin.qq.com")) and not allow_official:
        raise ValueError("非正式环境不能连接微信官方地址，请改用模拟微信的地址。")
    return origin


def check_aes_key(aes_key: str, production: bool) -> None:
    """ValueError unless ``aes_key`` is 43 characters of the message settings; empty (plain pushes) only for rehearsals.

    A plain push is signed without its body, so production never takes one.
    """
    if not aes_key and not production:
        return
    try:
        sound = len(aes_key) == 43 and len(base64.b64decode(aes_key + "=", validate=True)) == 32
    except (binascii.Error, ValueError):
        sound = False
    if not sound:
        raise ValueError("消息加密密钥必须是 43 位字母和数字，请检查 WECHAT_AES_KEY。")
