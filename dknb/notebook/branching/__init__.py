"""``%branch``: the branches of the conversation, and what was said on them."""

from .magic import BRANCH_COMMANDS, BRANCH_HELP, branch_line

__all__ = ["BRANCH_COMMANDS", "BRANCH_HELP", "branch_line"]
