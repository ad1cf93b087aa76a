"""`python -m server.wechat.simulator`: the simulator as a process of its own (docs/simulator.md)."""

import argparse
import os
import signal
import sys

from server.wechat.simulator import constants, settings
from server.wechat.simulator.serving import HOST, listening
from server.wechat.simulator.world import Options, Refused


def read_arguments(arguments: list[str]) -> argparse.Namespace:
    """The command line, with the defaults of docs/simulator.md."""
    parser = argparse.ArgumentParser(prog="python -m server.wechat.simulator", description="Simulated WeChat on 127.0.0.1.")
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--appid", default=constants.APPID)
    parser.add_argument("--secret", default=constants.SECRET)
    parser.add_argument("--push-url", default="")
    parser.add_argument("--push-token", default=constants.PUSH_TOKEN)
    parser.add_argument("--aes-key", default=constants.AES_KEY)
    parser.add_argument("--push-mode", default="secure")
    parser.add_argument("--push-format", default="json")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--pages", default=",".join(constants.PAGES))
    return parser.parse_args(arguments)


def make_options(given: argparse.Namespace, environment: str) -> Options:
    """Options of a command line; SystemExit with a sentence when it may not start so."""
    if environment == "production":
        raise SystemExit("生产环境不能启动模拟微信，请改用真实的微信接口地址。")
    if given.host != HOST:
        raise SystemExit(f"模拟微信只能监听 {HOST}，请去掉 --host。")
    names = ("push_url", "push_token", "aes_key", "push_mode", "push_format")
    chosen = {name: getattr(given, name) for name in names} | {"pages": given.pages.split(",")}
    try:
        return Options(given.appid, given.secret, given.seed, settings.check(chosen), start=given.start)
    except Refused as refused:
        raise SystemExit(refused.message) from None


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    options = make_options(read_arguments(sys.argv[1:]), os.environ.get("GONGJIAN_ENV", ""))
    port = read_arguments(sys.argv[1:]).port
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with listening(options, port) as simulator:
            sys.stdout.write(f"simulator listening on {simulator.url}\n")
            sys.stdout.flush()
            simulator.server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
