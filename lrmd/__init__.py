"""The local executor: runs agents, recurring monitors, and keeps both going while crmd is down.

What it is asked and what it answers is in `messages`; how the controller reaches it, in `client`.

- the core: `executor` (the aggregate) over `events`, composed of `orders` (which are good), `runs` (time limits),
  `resource` and `registry` (what is known), `once` (fence agents, meta-data), `self_stop` (stops that nobody orders),
  `results` and `settings`
- the shell: `daemon`, with `clients` and `supervisor_link` (sockets), `run_directory` (files), `agent_processes` and
  `agent_worker` (processes)
- agents: `agents` (where they are, how they are called), `agent_environment`, `class_codes`, `lsb_header`, `commands`
"""
