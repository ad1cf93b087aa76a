# 共建 gongjian. `make` lists the targets. Needs only Python >= 3.11 (with venv); everything else comes into .venv.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run test check demo bench-checkin bench-lists bench-console ballot-game set-up set-up-dev clean

BIN := .venv/bin
PYTEST_ARGS ?=

# The first Python that is new enough and can make a virtual environment; PYTHON=… chooses another.
define SET_UP
old=; lame=; \
for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
  command -v "$$python" >/dev/null 2>&1 || continue; \
  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || { old=$$python; continue; }; \
  "$$python" -c 'import venv, ensurepip' >/dev/null 2>&1 || { lame=$$python; continue; }; \
  exec "$$python" server/dev/bootstrap.py $(1); \
done; \
if [ -n "$$lame" ]; then echo "$$lame 缺少 venv，请先安装（Debian、Ubuntu：apt install python3-venv）再重试。" >&2; \
else echo "需要 Python 3.11 或更新的版本$${old:+（$$old 太旧）}，请安装后重试，或用 make PYTHON=/路径/python3 指定。" >&2; fi; \
exit 1
endef

help:  ## 列出这些命令
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | awk -F'|' '{printf "%-22s %s\n", $$1, $$2}'

set-up:
	@$(call SET_UP,run)

set-up-dev:
	@$(call SET_UP,dev)

run: set-up  ## 在本机启动全部，空数据库先演示一个示例社区；Ctrl-C 停止（GONGJIAN_PORT、GONGJIAN_SIM_PORT 改端口）
	@exec $(BIN)/gongjian run

demo: set-up  ## 另起一个全新的实例，演一周示例社区的故事，最后一行是 JSON
	@exec $(BIN)/gongjian demo

test: set-up-dev  ## 全部测试，SQLite 和 PostgreSQL 各一遍（PYTEST_ARGS 可加参数）
	@exec $(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

check: set-up-dev  ## 静态检查：ruff、mypy、import-linter
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench-checkin: set-up-dev  ## 签到基准：与同一台机器上的下限程序交替测量
	@exec $(BIN)/python -m tests.bench.checkin

bench-lists: set-up-dev  ## 列表基准：一万件和一百万件诉求，同样的三个列表
	@exec $(BIN)/python -m tests.bench.lists

bench-console: set-up-dev  ## 后台基准：百万条服务记录时首页、列表和统计页的服务器时间、语句数、字节数
	@exec $(BIN)/python -m tests.bench.console

ballot-game: set-up-dev  ## 评分保密的攻防：三百轮，偷走数据库、Redis 和日志也只能猜（约三分钟）
	@exec $(BIN)/python -m tests.bench.ballots

clean:  ## 删除 .venv 和各种缓存；数据（var/）留着
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find server miniprogram_api qr jobs tests -name __pycache__ -type d -prune -exec rm -rf {} +
