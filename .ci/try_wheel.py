"""Run by the Python that the wheel was installed into: what a user finds after `pip install dknb`."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import dknb.llm

assert Path(dknb.__file__).is_relative_to(sys.prefix), f"this is not the installed wheel: {dknb.__file__}"
assert dknb.__version__ == version("dknb")
assert Path(dknb.__file__).with_name("py.typed").exists(), "the types are not marked as such"

extension = Path(sys.prefix, "share", "jupyter", "labextensions", "dknb")
described = json.loads((extension / "package.json").read_text())
assert described["version"] == dknb.__version__
assert (extension / described["jupyterlab"]["_build"]["load"]).exists(), "the JavaScript is missing"
assert (extension / "install.json").exists()

command = str(Path(sys.prefix, "bin", "dknb"))
assert dknb.__version__ in subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout
assert dknb.render_conditional_template("Hi {{name}}", {"name": "you"}) == "Hi you"

count = dknb.llm.TokenCounter.count("tiktoken is great!", "gpt-4o")
assert (count.count, count.exact) == (6, True), "OpenAI's token tables are missing"
print(f"dknb {dknb.__version__} works from its wheel")
